//! Colours of the terminal to cells and back: filtered text in which SGR sequences are left becomes a styled line, and the
//! cells that changed become bytes for the terminal.

use ratatui_core::buffer::{Buffer, Cell};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// Columns between the stops of the tabulator.
const TAB: usize = 8;

/// A line as the filter leaves it. Without colours if they are off.
pub(super) fn line(text: &str, is_coloured: bool) -> Line<'static> {
    let mut spans = Vec::new();
    let mut style = Style::default();
    let mut column = 0;
    for (number, part) in text.split('\x1b').enumerate() {
        let mut plain = part;
        if number > 0 {
            // Behind each ESC that the filter left stands `[…m`.
            let (sequence, after) = part.split_once('m').unwrap_or((part, ""));
            plain = after;
            if is_coloured {
                style = with(style, sequence.trim_start_matches('['));
            }
        }
        let plain = without_tabs(plain, &mut column);
        if !plain.is_empty() {
            spans.push(Span::styled(plain, style));
        }
    }
    Line::from(spans)
}

fn without_tabs(text: &str, column: &mut usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, piece) in text.split('\t').enumerate() {
        if number > 0 {
            let blanks = TAB - *column % TAB;
            out.push_str(&" ".repeat(blanks));
            *column += blanks;
        }
        out.push_str(piece);
        *column += piece.width();
    }
    out
}

/// A style after the parameters of an SGR sequence: `1;31`, `38;5;208`. Those that are not known change nothing.
/// Source: ECMA-48, 8.3.117; the colours from 38 and 48 on are those of ITU-T T.416.
fn with(mut style: Style, parameters: &str) -> Style {
    let mut numbers = parameters.split([';', ':']).map(|number| match number {
        "" => Some(0),
        _ => number.parse::<u16>().ok(),
    });
    while let Some(number) = numbers.next() {
        style = match number {
            Some(0) => Style::default(),
            Some(1) => style.add_modifier(Modifier::BOLD),
            Some(2) => style.add_modifier(Modifier::DIM),
            Some(3) => style.add_modifier(Modifier::ITALIC),
            Some(4) => style.add_modifier(Modifier::UNDERLINED),
            Some(7) => style.add_modifier(Modifier::REVERSED),
            Some(9) => style.add_modifier(Modifier::CROSSED_OUT),
            Some(22) => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            Some(23) => style.remove_modifier(Modifier::ITALIC),
            Some(24) => style.remove_modifier(Modifier::UNDERLINED),
            Some(27) => style.remove_modifier(Modifier::REVERSED),
            Some(29) => style.remove_modifier(Modifier::CROSSED_OUT),
            Some(number @ (30..=37 | 90..=97)) => style.fg(sixteen(number % 10, number >= 90)),
            Some(number @ (40..=47 | 100..=107)) => style.bg(sixteen(number % 10, number >= 100)),
            Some(38) => extended(&mut numbers).map_or(style, |colour| style.fg(colour)),
            Some(48) => extended(&mut numbers).map_or(style, |colour| style.bg(colour)),
            Some(39) => style.fg(Color::Reset),
            Some(49) => style.bg(Color::Reset),
            Some(_) | None => style,
        };
    }
    style
}

fn sixteen(number: u16, is_bright: bool) -> Color {
    // The palette begins with the sixteen colours in just this order.
    Color::Indexed(number as u8 + if is_bright { 8 } else { 0 })
}

/// `5;N` or `2;R;G;B`.
fn extended(numbers: &mut impl Iterator<Item = Option<u16>>) -> Option<Color> {
    let mut byte = || u8::try_from(numbers.next()??).ok();
    match byte()? {
        5 => Some(Color::Indexed(byte()?)),
        2 => Some(Color::Rgb(byte()?, byte()?, byte()?)),
        _ => None,
    }
}

/// What makes a screen that shows `before` show `after`, which is as large.
pub(super) fn changes(before: &Buffer, after: &Buffer) -> Vec<u8> {
    let mut bytes = String::new();
    let mut cursor = None;
    let mut style = None;
    for (x, y, cell) in before.diff_iter(after) {
        if cursor != Some((x, y)) {
            bytes.push_str(&format!("\x1b[{};{}H", y + 1, x + 1));
        }
        let wanted = style_of(cell);
        if style != Some(wanted) {
            bytes.push_str(&format!("\x1b[0m{wanted}"));
            style = Some(wanted);
        }
        bytes.push_str(cell.symbol());
        cursor = Some((x + (cell.symbol().width().max(1) as u16), y));
    }
    if style.is_some() {
        bytes.push_str("\x1b[0m");
    }
    bytes.into_bytes()
}

fn style_of(cell: &Cell) -> anstyle::Style {
    // The terminal's own colours are what a reset leaves.
    let coloured = |colour: Color| (colour != Color::Reset).then(|| anstyle::Color::from(colour));
    anstyle::Style::new()
        .effects(cell.modifier.into())
        .fg_color(coloured(cell.fg))
        .bg_color(coloured(cell.bg))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use ratatui_core::layout::Rect;

    fn spans(text: &str) -> String {
        let line = line(text, true);
        line.spans.iter().map(|span| format!("{:?} {:?}\n", span.content, span.style)).collect()
    }

    #[test]
    fn colours_become_styles() {
        assert_snapshot!(spans("plain \x1b[1;31mbad\x1b[0m \x1b[38;5;208;4mx\x1b[24;39my\x1b[48;2;1;2;3mz"), @r#"
        "plain " Style::new()
        "bad" Style::new().fg(Color::Indexed(1)).bold()
        " " Style::new()
        "x" Style::new().fg(Color::Indexed(208)).underlined()
        "y" Style::new().fg(Color::Reset).not_underlined()
        "z" Style::new().fg(Color::Reset).bg(Color::Rgb(1, 2, 3)).not_underlined()
        "#);
        assert_eq!(line("a\x1b[31mb\x1b[0m", false).to_string(), "ab");
        assert!(line("a\x1b[31mb", false).spans.iter().all(|span| span.style == Style::default()));
    }

    #[test]
    fn tabs_lead_to_the_next_stop() {
        assert_eq!(line("a\tb\x1b[1m\tc\t\t|", true).to_string(), "a       b       c               |");
    }

    #[test]
    fn just_what_changed_is_written() {
        let area = Rect::new(0, 0, 12, 2);
        let (mut before, mut after) = (Buffer::empty(area), Buffer::empty(area));
        before.set_line(0, 0, &line("ok build", true), 12);
        after.set_line(0, 0, &line("ok built", true), 12);
        after.set_line(2, 1, &line("\x1b[1;31mFAIL\x1b[0m 語", true), 12);
        let bytes = String::from_utf8(changes(&before, &after)).expect("UTF-8");
        assert_snapshot!(bytes.replace('\x1b', "␛"), @"␛[1;8H␛[0mt␛[2;3H␛[0m␛[1m␛[38;5;1mFAIL␛[2;8H␛[0m語␛[0m");
        assert_eq!(changes(&after, &after), b"");
    }

    proptest! {
        #[test]
        fn no_sequence_is_too_odd(text in "(\u{1b}\\[[0-9;:]{0,12}m|[a-zż語\t]){0,12}") {
            let line = line(&text, true);
            let plain = line.to_string();
            prop_assert!(plain.chars().all(|character| !character.is_control()));
        }
    }
}
