//! Tables for people: aligned by what is shown, not by bytes, and no wider than the terminal where that can be.

use super::filter::shown;
use super::style::{FAINT, Paint};
use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Gap between two columns.
const GAP: &str = "  ";
/// An elastic column is not cut below this.
const NARROWEST: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

#[derive(Clone, Debug)]
struct Column {
    title: &'static str,
    align: Align,
    /// May be cut where the terminal is narrow; the others never are.
    is_elastic: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), style: Style::new() }
    }

    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Cell {
        Cell { text: text.into(), style }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A column whose texts are always shown whole.
    pub(crate) fn column(mut self, title: &'static str, align: Align) -> Table {
        self.columns.push(Column { title, align, is_elastic: false });
        self
    }

    /// A column whose texts end in `…` where there is no room.
    pub(crate) fn elastic(mut self, title: &'static str) -> Table {
        self.columns.push(Column { title, align: Align::Left, is_elastic: true });
        self
    }

    /// Adds a row with at most as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut cells: Vec<Cell> = cells.into_iter().collect();
        debug_assert!(cells.len() <= self.columns.len(), "bug: more cells than columns");
        for cell in &mut cells {
            cell.text = shown(&cell.text).into_owned();
        }
        self.rows.push(cells);
    }

    /// Title line and rows, each with its newline. `width` is that of the terminal; without one nothing is cut. Without
    /// any title there is no title line.
    pub(crate) fn render(&self, paint: Paint, width: Option<usize>) -> String {
        let mut widths = self.natural_widths();
        if let Some(width) = width {
            self.shrink(&mut widths, width);
        }
        let titles: Vec<Cell> = self.columns.iter().map(|column| Cell::styled(column.title, FAINT)).collect();
        let mut text = String::new();
        if titles.iter().any(|title| !title.text.is_empty()) {
            self.line(&titles, &widths, paint, &mut text);
        }
        for row in &self.rows {
            self.line(row, &widths, paint, &mut text);
        }
        text
    }

    fn natural_widths(&self) -> Vec<usize> {
        let cells = |place: usize| {
            self.rows.iter().filter_map(move |row| row.get(place)).map(|cell| cell.text.width())
        };
        self.columns
            .iter()
            .enumerate()
            .map(|(place, column)| cells(place).chain([column.title.width()]).max().unwrap_or(0))
            .collect()
    }

    /// Takes from the widest elastic column until all fit, or none has more to give.
    fn shrink(&self, widths: &mut [usize], width: usize) {
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        while excess > 0 {
            let elastic = (0..widths.len())
                .filter(|place| self.columns[*place].is_elastic && widths[*place] > NARROWEST);
            let Some(widest) = elastic.max_by_key(|place| widths[*place]) else { return };
            let next = (0..widths.len())
                .filter(|place| *place != widest && self.columns[*place].is_elastic)
                .map(|place| widths[place])
                .max()
                .unwrap_or(0);
            // Down to the next widest at once, then in turns.
            let step = widths[widest].saturating_sub(next.max(NARROWEST)).max(1).min(excess);
            widths[widest] -= step;
            excess -= step;
        }
    }

    fn line(&self, cells: &[Cell], widths: &[usize], paint: Paint, text: &mut String) {
        let from = text.len();
        for (place, cell) in cells.iter().enumerate() {
            let cut = cut(&cell.text, widths[place]);
            let blanks = " ".repeat(widths[place].saturating_sub(cut.width()));
            let shown = paint.text(cell.style, &cut);
            if place > 0 {
                text.push_str(GAP);
            }
            match self.columns[place].align {
                Align::Left => text.extend([shown, blanks]),
                Align::Right => text.extend([blanks, shown]),
            }
        }
        text.truncate(from + text[from..].trim_end_matches(' ').len());
        text.push('\n');
    }
}

/// The beginning of a text that fits, with `…` if something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut room = width.saturating_sub(1);
    for character in text.chars() {
        let Some(left) = room.checked_sub(character.width().unwrap_or(0)) else { break };
        room = left;
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::style::BAD;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn history() -> Table {
        let mut table = Table::default()
            .column("run", Align::Left)
            .column("when", Align::Left)
            .column("took", Align::Right)
            .elastic("result")
            .elastic("command");
        let rows = [
            ["9c2m", "2 min ago", "14.1s", "FAIL  3 ok, 1 failed, 1 skipped", "otto ci"],
            [" └4x1q", "1 min ago", "13.4s", "INT   1 ok, 2 interrupted", "otto Rerun 9c2m"],
            ["1b0d", "Fri 16:58", "—", "?     ended without a result", "otto 建設 --profile release\x1b[2J"],
        ];
        for [run, when, took, result, command] in rows {
            table.row([
                Cell::new(run),
                Cell::new(when),
                Cell::new(took),
                Cell::styled(result, BAD),
                Cell::new(command),
            ]);
        }
        table
    }

    #[test]
    fn columns_stand_under_their_titles() {
        assert_snapshot!(history().render(Paint { is_on: false }, None), @r"
    run     when        took  result                           command
    9c2m    2 min ago  14.1s  FAIL  3 ok, 1 failed, 1 skipped  otto ci
     └4x1q  1 min ago  13.4s  INT   1 ok, 2 interrupted        otto Rerun 9c2m
    1b0d    Fri 16:58      —  ?     ended without a result     otto 建設 --profile release\x1b[2J
    ");
    }

    #[test]
    fn on_a_narrow_terminal_the_widest_columns_are_cut() {
        assert_snapshot!(history().render(Paint { is_on: false }, Some(60)), @r"
    run     when        took  result            command
    9c2m    2 min ago  14.1s  FAIL  3 ok, 1 f…  otto ci
     └4x1q  1 min ago  13.4s  INT   1 ok, 2 i…  otto Rerun 9c2m
    1b0d    Fri 16:58      —  ?     ended wit…  otto 建設 --pro…
    ");
    }

    #[test]
    fn colours_do_not_move_columns() {
        let text = history().render(Paint { is_on: true }, Some(60));
        assert_eq!(
            crate::view::filter::without_colours(&text),
            history().render(Paint { is_on: false }, Some(60))
        );
        assert!(text.contains("\x1b[1m\x1b[31mFAIL"), "{text:?}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_must_be(
            rows in prop::collection::vec(prop::collection::vec("[a-z日é ]{0,40}", 3), 0..6),
            width in 0..100_usize,
        ) {
            let mut table = Table::default().column("", Align::Right).elastic("title").elastic("");
            for row in &rows {
                table.row(row.iter().map(Cell::new));
            }
            let fixed = rows.iter().map(|row| row[0].width()).max().unwrap_or(0);
            let text = table.render(Paint { is_on: false }, Some(width));
            for line in text.lines() {
                prop_assert!(line.width() <= width.max(fixed + 2 * NARROWEST + 2 * GAP.len()), "{line}");
            }
            prop_assert_eq!(text.lines().count(), rows.len() + 1);
        }
    }
}
