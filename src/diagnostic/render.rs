//! Diagnostics as text for a terminal: the message, the lines it is about with carets, what would be right.
//! Alone knows the rendering crate. Nothing that the user wrote reaches the terminal uncleaned.

use super::notice::{Quote, Spot, groups};
use super::{Diagnostic, Notice, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::Style;
use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

/// Characters of a message or a label that are shown at most.
const LONGEST_TEXT: usize = 1000;

/// No file has more lines than this.
const MOST_LINES: usize = u32::MAX as usize;

/// All diagnostics, in the order of their places, each with a line break at its end. `width` is that of the
/// terminal, in columns.
pub(crate) fn render(diagnostics: &[Diagnostic], colour: bool, width: usize) -> String {
    render_notices(&diagnostics.iter().map(Notice::of).collect::<Vec<_>>(), colour, width)
}

/// The same for those that were written down.
pub(crate) fn render_notices(notices: &[Notice], colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    // Narrower than this nothing could be read.
    let renderer = renderer.decor_style(DecorStyle::Unicode).term_width(width.max(40));
    let styles = if colour { Styles::coloured() } else { Styles::plain() };
    let mut text = String::new();
    let mut ordered: Vec<&Notice> = notices.iter().collect();
    ordered.sort_by_key(|notice| notice.places.first().map(Spot::place));
    for notice in ordered {
        one(&mut text, notice, &renderer, &styles);
    }
    text
}

/// `usage: otto deploy [OPTIONS] <env>`, each form once. A command with several has them on lines of their own.
pub(crate) fn usage(diagnostics: &[Diagnostic]) -> String {
    let mut forms: Vec<&str> =
        diagnostics.iter().filter_map(|diagnostic| diagnostic.usage.as_deref()).collect();
    forms.sort_unstable();
    forms.dedup();
    let shown =
        |form: &&str| format!("usage: {}\n", form.lines().map(clean_text).collect::<Vec<_>>().join("\n"));
    forms.iter().map(shown).collect()
}

/// The closing line: "otto.yml: 2 errors. For details: `otto Explain E0104`"
pub(crate) fn summary(file_name: &str, diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let counts = match (errors, warnings) {
        (_, 0) => counted(errors, "error"),
        (0, _) => counted(warnings, "warning"),
        (_, _) => format!("{} and {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    let mut line = format!("{}: {counts}.", clean_text(file_name));
    // The last one stands right above this line.
    if let Some(last) = in_order(diagnostics).last() {
        let _infallible = write!(line, " For details: `otto Explain {}`", last.code);
    }
    line
}

/// By file and place; those that have none come first, as they were told.
fn in_order(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    let place = |diagnostic: &&Diagnostic| {
        diagnostic.labels.first().map(|label| (label.source.name().to_owned(), label.span))
    };
    ordered.sort_by_cached_key(place);
    ordered
}

struct Styles {
    gutter: Style,
    note: Style,
    help: Style,
}

impl Styles {
    fn plain() -> Styles {
        Styles { gutter: Style::new(), note: Style::new(), help: Style::new() }
    }

    fn coloured() -> Styles {
        Styles {
            gutter: annotate_snippets::renderer::DEFAULT_LINE_NUM_STYLE,
            note: annotate_snippets::renderer::DEFAULT_NOTE_STYLE,
            help: annotate_snippets::renderer::DEFAULT_HELP_STYLE,
        }
    }
}

fn one(text: &mut String, notice: &Notice, renderer: &Renderer, styles: &Styles) {
    let level = match notice.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.clone().primary_title(clean_text(&notice.message)).id(clean_text(&notice.code));
    text.push_str(&renderer.render(&[Group::with_title(title)]));
    text.push('\n');
    for places in groups(&notice.places) {
        excerpt(text, notice, places, level.clone(), renderer, styles);
    }
    for (indent, word, style, lines) in
        [("  ", "= note", styles.note, &notice.notes), ("", "help", styles.help, &notice.helps)]
    {
        let deeper = format!("\n{:width$}", "", width = indent.len() + word.len() + 2);
        for line in lines {
            let body = clean_lines(line).replace('\n', &deeper);
            let _infallible = writeln!(text, "{indent}{style}{word}{style:#}: {body}");
        }
    }
}

/// The lines of one file that the places are in.
fn excerpt(
    text: &mut String,
    notice: &Notice,
    places: &[Spot],
    level: Level<'_>,
    renderer: &Renderer,
    styles: &Styles,
) {
    let lines = Excerpt::around(notice, places);
    let Spot { file, line, column, .. } = &places[0];
    let width = lines.last_number().to_string().len();
    let gutter = styles.gutter;
    let _infallible =
        writeln!(text, "{:width$} {gutter}╭▸{gutter:#} {}:{line}:{column}", "", clean_text(file));
    let mut snippet = Snippet::source(lines.text.as_str()).line_start(lines.first_number);
    for (number, (place, range)) in places.iter().zip(&lines.ranges).enumerate() {
        let kind = if number == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(range.clone());
        let words = clean_text(&place.text);
        snippet = snippet.annotation(if words.is_empty() { annotation } else { annotation.label(words) });
    }
    let rendered = renderer.render(&[Group::with_level(level).element(snippet)]);
    // Its first line is the header for an unnamed file: the places in it would be those in the part shown.
    let (_, body) = rendered.split_once('\n').unwrap_or_default();
    text.push_str(body);
    text.push('\n');
}

/// A part of a file made fit for showing: cleaned, lines far from every place left empty (the renderer folds them). The
/// ranges of the places are those in this text.
struct Excerpt {
    text: String,
    first_number: usize,
    ranges: Vec<Range<usize>>,
}

impl Excerpt {
    fn around(notice: &Notice, places: &[Spot]) -> Excerpt {
        // A record may be damaged, and the renderer counts on from here.
        let numbers: Vec<usize> = places.iter().map(|place| place.line.clamp(1, MOST_LINES)).collect();
        let first_number = numbers.iter().copied().min().unwrap_or(1);
        let last_number = numbers.iter().copied().max().unwrap_or(1);
        let mut ranges = vec![0..0; places.len()];
        let mut text = String::new();
        for number in first_number..=last_number {
            let here: Vec<usize> = (0..places.len()).filter(|place| numbers[*place] == number).collect();
            here.iter().for_each(|place| ranges[*place] = text.len()..text.len());
            if let Some(quote) = notice.quote(&places[0].file, number) {
                push_line(&mut text, quote, &here, places, &mut ranges);
            }
            if number < last_number {
                text.push('\n');
            }
        }
        Excerpt { text, first_number, ranges }
    }

    fn last_number(&self) -> usize {
        self.first_number + self.text.matches('\n').count()
    }
}

/// Appends one line.
fn push_line(text: &mut String, quote: &Quote, here: &[usize], places: &[Spot], ranges: &mut [Range<usize>]) {
    if quote.column > 1 {
        text.push('…');
    }
    // Cleaning changes how many bytes a character has, so the start of each is noted.
    let mut starts = Vec::with_capacity(quote.text.len() + 1);
    for (number, character) in quote.text.chars().enumerate() {
        starts.push(text.len());
        // A byte order mark has no width and no meaning; the renderer widens tabs.
        if (quote.line, quote.column, number) == (1, 1, 0) && character == '\u{feff}' {
            continue;
        }
        text.push(if character == '\t' { '\t' } else { clean(character) });
    }
    starts.push(text.len());
    let at = |column: usize| starts[column.saturating_sub(quote.column).min(starts.len() - 1)];
    for place in here {
        let Spot { line, column, end_line, end_column, .. } = &places[*place];
        // Of a place of many lines, its first.
        let end = if end_line == line { *end_column } else { usize::MAX };
        ranges[*place] = at(*column)..at(end.max(*column));
    }
    if quote.is_cut {
        text.push('…');
    }
}

/// A text for one line: everything that a terminal could obey, or not show, is replaced. A name of a million
/// characters does not become a message of a million characters.
fn clean_text(text: &str) -> Cow<'_, str> {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        return Cow::Owned(text[..end].chars().map(clean).chain(['…']).collect());
    }
    match text.chars().all(|character| clean(character) == character) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(clean).collect()),
    }
}

/// The same for a text that may have several lines.
fn clean_lines(text: &str) -> String {
    text.trim_end_matches('\n')
        .chars()
        .map(|character| if character == '\n' { '\n' } else { clean(character) })
        .collect()
}

/// A control character as its picture; what turns the direction of text, ends a line or has no width as `�`.
fn clean(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('�'),
        '\u{7f}' => '␡',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '�',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn place(source: &SourceFile, word: &str) -> Span {
        let start = source.text().find(word).expect("the word is in the text");
        Span::new(start, start + word.len())
    }

    fn example() -> Vec<Diagnostic> {
        let text = "tasks:\n  lint:\n    bsh: ruff\n  build:\n    bash: make\n  test:\n    help: Run\n    before: [biuld, lint]\n";
        let source = SourceFile::new("otto.yml", text);
        vec![
            Diagnostic::error(Code::UnknownDependency, "task `test` depends on an unknown task `biuld`")
                .at(&source, place(&source, "biuld"), "unknown task")
                .at(&source, place(&source, "build"), "a task with a similar name is defined here")
                .help("did you mean `build`?"),
            Diagnostic::error(Code::UnknownKey, "unknown key `bsh` in task `lint`")
                .at(&source, place(&source, "bsh"), "unknown key")
                .note("one thing that is known")
                .note("another,\nin two lines")
                .help("did you mean `bash`?"),
        ]
    }

    #[test]
    fn each_form_of_a_command_has_a_line_of_its_own() {
        let refused =
            Diagnostic::error(Code::UnknownKey, "no").usage("otto Data [RUN]\n       otto Data\u{1b} why");
        assert_eq!(usage(&[refused]), "usage: otto Data [RUN]\n       otto Data␛ why\n");
    }

    #[test]
    fn diagnostics_stand_in_the_order_of_the_file_with_a_line_that_closes() {
        assert_snapshot!(render(&example(), false, 100) + &summary("otto.yml", &example()), @"
        error[E0104]: unknown key `bsh` in task `lint`
          ╭▸ otto.yml:3:5
        3 │     bsh: ruff
          ╰╴    ━━━ unknown key
          = note: one thing that is known
          = note: another,
                  in two lines
        help: did you mean `bash`?
        error[E0301]: task `test` depends on an unknown task `biuld`
          ╭▸ otto.yml:8:14
        4 │   build:
          │   ───── a task with a similar name is defined here
          ┆
        8 │     before: [biuld, lint]
          ╰╴             ━━━━━ unknown task
        help: did you mean `build`?
        otto.yml: 2 errors. For details: `otto Explain E0301`
        ");
        let mut turned = example();
        turned.reverse();
        assert_eq!(render(&turned, false, 100), render(&example(), false, 100));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let coloured = render(&example(), true, 100);
        assert!(coloured.starts_with("\u{1b}[1m\u{1b}[91merror[E0104]"), "{coloured:?}");
        let mut plain = String::new();
        let mut is_escape = false;
        for character in coloured.chars() {
            match character {
                '\u{1b}' => is_escape = true,
                'm' if is_escape => is_escape = false,
                _ if is_escape => {}
                other => plain.push(other),
            }
        }
        assert_eq!(plain, render(&example(), false, 100));
    }

    #[test]
    fn what_has_no_place_is_said_without_one() {
        let nowhere = Diagnostic::error(Code::NoOttofile, "no ottofile found")
            .note("looked in `a`, `b`")
            .help("`otto Init` writes a commented otto.yml here");
        let later = Diagnostic::warning(Code::JoinedLines, "one more thing");
        assert_snapshot!(render(&[nowhere.clone(), later.clone()], false, 80) + &summary("otto.yml", &[nowhere, later]), @"
        error[E0201]: no ottofile found
          = note: looked in `a`, `b`
        help: `otto Init` writes a commented otto.yml here
        warning[E0115]: one more thing
        otto.yml: 1 error and 1 warning. For details: `otto Explain E0115`
        ");
        assert_snapshot!(summary("otto.yml", &[]), @"otto.yml: 0 errors.");
    }

    #[test]
    fn places_in_two_files_are_shown_one_after_the_other() {
        let line = SourceFile::new("command line", "otto deploy --env qa");
        let file = SourceFile::new(
            "otto.yml",
            "tasks:\n  deploy:\n    params:\n      --env: {choices: [dev, prod]}\n",
        );
        let wrong = Diagnostic::error(Code::BadChoice, "`qa` is none of the choices of `--env`")
            .at(&line, place(&line, "qa"), "")
            .at(&file, place(&file, "[dev, prod]"), "the choices");
        assert_snapshot!(render(&[wrong], false, 80), @"
        error[E0404]: `qa` is none of the choices of `--env`
          ╭▸ command line:1:19
        1 │ otto deploy --env qa
          ╰╴                  ━━
          ╭▸ otto.yml:4:24
        4 │       --env: {choices: [dev, prod]}
          ╰╴                       ━━━━━━━━━━━ the choices
        ");
    }

    #[test]
    fn places_far_apart_in_one_file_are_shown_apart() {
        let text = format!("first: 1\n{}first: 2\n", "\n".repeat(1_000_000));
        let source = SourceFile::new("otto.yml", text);
        let again = Span::new(source.text().len() - 9, source.text().len() - 4);
        let wrong = Diagnostic::error(Code::DuplicateKey, "twice").at(&source, again, "again").at(
            &source,
            place(&source, "first"),
            "first",
        );
        assert_snapshot!(render(&[wrong], false, 80), @"
        error[E0105]: twice
                ╭▸ otto.yml:1000002:1
        1000002 │ first: 2
                ╰╴━━━━━ again
          ╭▸ otto.yml:1:1
        1 │ first: 1
          ╰╴━━━━━ first
        ");
    }

    #[test]
    fn a_place_of_many_lines_is_its_first_and_the_end_of_the_file_is_a_place() {
        let source = SourceFile::new("otto.yml", "a: |\n  one\n  two\nb: [");
        let all = Span::new(0, source.text().len());
        let end = Span::new(source.text().len(), source.text().len());
        let wrong = Diagnostic::error(Code::YamlSyntax, "unfinished")
            .at(&source, end, "ends here")
            .at(&source, all, "all");
        assert_snapshot!(render(&[wrong], false, 80), @"
        error[E0101]: unfinished
          ╭▸ otto.yml:4:5
        1 │ a: |
          │ ──── all
          ┆
        4 │ b: [
          ╰╴    ━ ends here
        ");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown_with_its_true_column() {
        let text = format!("help: {} here {}\n", "é".repeat(500), "y".repeat(1_000_000));
        let source = SourceFile::new("otto.yml", text);
        let wrong = Diagnostic::error(Code::WrongType, "wrong").at(&source, place(&source, "here"), "this");
        assert_snapshot!(render(&[wrong], false, 60), @"
        error[E0103]: wrong
          ╭▸ otto.yml:1:508
        1 │ …ééééééééééééééééééééé here yyyyyyyyyyyyyyyyyyyyyyyyyyy…
          ╰╴                       ━━━━ this
        ");
    }

    #[test]
    fn a_long_name_does_not_make_a_long_message() {
        let wrong = Diagnostic::error(Code::UnknownTask, format!("`{}` is unknown", "x".repeat(1_000_000)));
        assert_eq!(
            render(&[wrong], false, 80).chars().count(),
            "error[E0003]: ".len() + LONGEST_TEXT + "…\n".chars().count()
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_from_a_file() {
        let source = SourceFile::new(
            "x\u{1b}]0;t\u{7}.yml",
            "\u{feff}a:\tb\u{1b}[31m \u{9b}2J \u{202e}c \u{200b}d\r\n",
        );
        let wrong = Diagnostic::error(Code::WrongType, "bad \u{1b}[2J\nname\t")
            .at(&source, place(&source, "d"), "la\u{1b}bel\n")
            .note("no\u{7f}te\nof two\u{85}")
            .help("he\u{0}lp");
        assert_snapshot!(render(&[wrong], false, 80), @"
        error[E0103]: bad ␛[2J␊name␉
          ╭▸ x␛]0;t␇.yml:1:20
        1 │ a:    b␛[31m �2J �c �d
          ╰╴                     ━ la␛bel␊
          = note: no␡te
                  of two�
        help: he␀lp
        ");
    }

    proptest! {
        #[test]
        fn any_place_in_any_text_can_be_shown(
            text in "[a-z \t\r\n\u{0}\u{1b}é日\u{301}\u{feff}\u{202e}]{0,80}",
            places in prop::collection::vec((0u32..100, 0u32..100, any::<String>()), 0..4),
            words in any::<String>(),
            width in 0usize..200,
        ) {
            let source = SourceFile::new(words.clone(), text);
            let mut wrong = Diagnostic::error(Code::WrongType, words.clone()).note(words.clone()).help(words);
            for (start, end, label) in places {
                // Even places that no reader would give.
                wrong = wrong.at(&source, Span { start, end, ..Span::default() }, label);
            }
            let shown = render(&[wrong], false, width);
            let obeyed = shown.chars().find(|character| character.is_control() && *character != '\n');
            prop_assert_eq!(obeyed, None);
        }
    }
}
