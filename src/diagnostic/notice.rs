//! A diagnostic as plain data, together with the source lines that it quotes: once written down, it reads the same
//! after the file has changed or is gone.

use super::{Diagnostic, Label, Severity};
use crate::source::{SourceFile, Span};
use serde::{Deserialize, Serialize};

/// Of longer lines, only the part around the first place is quoted. In bytes.
const LONGEST_LINE: usize = 400;

/// Places farther apart have excerpts of their own: what the renderer folds, it reads.
const FARTHEST_LINE: usize = 20_000;

/// The renderer shows a gap of one line instead of folding it, so lines this near to a place are quoted.
const NEAR_LINE: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// `E0704`. Text, because a newer otto may know more codes.
    pub(crate) code: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// The first one is where the mistake is. Empty if the mistake is not in a file.
    #[serde(default)]
    pub(crate) places: Vec<Spot>,
    /// The lines at and between the places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) quotes: Vec<Quote>,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    #[serde(default)]
    pub(crate) helps: Vec<String>,
}

/// A place, with a few words about it. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The place ends before this.
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    pub(crate) text: String,
}

/// A line of a file, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quote {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The column of the first character that is quoted.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) column: usize,
    pub(crate) text: String,
    /// The line goes on after what is quoted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_cut: bool,
}

fn one() -> usize {
    1
}

fn is_one(column: &usize) -> bool {
    *column == 1
}

impl Notice {
    pub(crate) fn of(diagnostic: &Diagnostic) -> Notice {
        let places: Vec<Spot> = diagnostic.labels.iter().map(Spot::of).collect();
        let mut quotes: Vec<Quote> = Vec::new();
        let mut labels = diagnostic.labels.iter();
        for group in groups(&places) {
            let source = labels.by_ref().take(group.len()).last().map(|label| &label.source);
            for line in quoted_lines(group) {
                let is_new = |quote: &Quote| quote.line != line || quote.file != group[0].file;
                if quotes.iter().all(is_new) {
                    let columns = group.iter().filter(|place| place.line == line).map(|place| place.column);
                    quotes.extend(source.map(|source| Quote::of(source, line, columns.min().unwrap_or(1))));
                }
            }
        }
        Notice {
            code: diagnostic.code.to_string(),
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            places,
            quotes,
            notes: diagnostic.notes.clone(),
            helps: diagnostic.helps.clone(),
        }
    }

    /// All that is said, and all that is quoted.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let places = self.places.iter_mut().map(|place| &mut place.text);
        let quotes = self.quotes.iter_mut().map(|quote| &mut quote.text);
        let said = std::iter::once(&mut self.message).chain(&mut self.notes).chain(&mut self.helps);
        said.chain(places).chain(quotes)
    }

    /// The line of a file as it is quoted.
    pub(super) fn quote(&self, file: &str, line: usize) -> Option<&Quote> {
        self.quotes.iter().find(|quote| quote.line == line && quote.file == file)
    }
}

impl Spot {
    /// What diagnostics are ordered by.
    pub(super) fn place(&self) -> (&str, usize, usize, usize, usize) {
        (&self.file, self.line, self.column, self.end_line, self.end_column)
    }

    fn of(label: &Label) -> Spot {
        let Label { source, span, text } = label;
        let span = whole_characters(source, *span);
        let (start, end) = (source.position(span.start), source.position(span.end));
        Spot {
            file: source.name().to_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            text: text.clone(),
        }
    }
}

impl Quote {
    /// The line, or the part of it around a column.
    fn of(source: &SourceFile, line: usize, column: usize) -> Quote {
        let raw = source.text()[source.line_range(line)].trim_end_matches(['\n', '\r']);
        let from = raw.char_indices().nth(column - 1).map_or(raw.len(), |(offset, _)| offset);
        let window = match raw.len() <= LONGEST_LINE {
            true => 0..raw.len(),
            false => {
                let start = from.saturating_sub(LONGEST_LINE / 4);
                let start = (start..=from).find(|place| raw.is_char_boundary(*place)).unwrap_or(from);
                let end = (start + LONGEST_LINE).min(raw.len());
                let end = (end..=raw.len()).find(|place| raw.is_char_boundary(*place)).unwrap_or(raw.len());
                start..end
            }
        };
        Quote {
            file: source.name().to_owned(),
            line,
            column: 1 + raw[..window.start].chars().count(),
            is_cut: window.end < raw.len(),
            text: raw[window].to_owned(),
        }
    }
}

/// The places that share an excerpt: those of one file that follow each other and are not far apart.
pub(super) fn groups(mut places: &[Spot]) -> impl Iterator<Item = &[Spot]> {
    std::iter::from_fn(move || {
        let first = places.first()?;
        let is_near =
            |place: &&Spot| place.file == first.file && place.line.abs_diff(first.line) <= FARTHEST_LINE;
        let (here, rest) = places.split_at(places.iter().take_while(is_near).count());
        places = rest;
        Some(here)
    })
}

/// The lines of an excerpt that are shown, or may be.
fn quoted_lines(group: &[Spot]) -> impl Iterator<Item = usize> {
    let lines = || group.iter().map(|place| place.line);
    let (first, last) = (lines().min().unwrap_or(1), lines().max().unwrap_or(0));
    (first..=last).filter(move |line| lines().any(|labelled| labelled.abs_diff(*line) <= NEAR_LINE))
}

/// The place within the text and without cut characters, wherever it is said to be.
fn whole_characters(source: &SourceFile, span: Span) -> Span {
    let text = source.text();
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    source.span(start, end)
}

#[cfg(test)]
mod tests {
    use super::super::{Code, render, render_notices};
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    #[test]
    fn a_notice_has_the_code_the_places_and_the_lines() {
        let source = SourceFile::new("otto.yml", "a: 1\nb: 2\nc: 3\nd: 4\ne: é 5\n");
        let wrong = Diagnostic::error(Code::WrongType, "wrong")
            .at(&source, Span::new(26, 27), "this")
            .at(&source, Span::new(10, 11), "that")
            .help("right");
        let json = serde_json::to_string_pretty(&Notice::of(&wrong)).expect("plain data");
        assert_snapshot!(json, @r#"
        {
          "code": "E0103",
          "severity": "error",
          "message": "wrong",
          "places": [
            {
              "file": "otto.yml",
              "line": 5,
              "column": 6,
              "end_line": 5,
              "end_column": 7,
              "text": "this"
            },
            {
              "file": "otto.yml",
              "line": 3,
              "column": 1,
              "end_line": 3,
              "end_column": 2,
              "text": "that"
            }
          ],
          "quotes": [
            {
              "file": "otto.yml",
              "line": 3,
              "text": "c: 3"
            },
            {
              "file": "otto.yml",
              "line": 4,
              "text": "d: 4"
            },
            {
              "file": "otto.yml",
              "line": 5,
              "text": "e: é 5"
            }
          ],
          "notes": [],
          "helps": [
            "right"
          ]
        }
        "#);
    }

    #[test]
    fn of_a_long_line_only_a_part_is_written_down() {
        let source = SourceFile::new("otto.yml", format!("{} here {}\n", "é".repeat(5000), "y".repeat(5000)));
        let wrong =
            Diagnostic::error(Code::WrongType, "wrong").at(&source, Span::new(10_001, 10_005), "this");
        let Notice { places, quotes, .. } = Notice::of(&wrong);
        assert_eq!((places[0].column, quotes[0].column, quotes[0].is_cut), (5002, 4952, true));
        assert!(quotes[0].text.len() <= LONGEST_LINE + 4);
    }

    #[test]
    fn a_notice_that_lies_about_its_places_is_shown_all_the_same() {
        let mark = |line, column, end_column| Spot {
            file: "f".into(),
            line,
            column,
            end_line: line,
            end_column,
            text: "t".into(),
        };
        let quote =
            |line, column| Quote { file: "f".into(), line, column, text: "a\nb".into(), is_cut: false };
        let notice = Notice {
            code: "E9999".into(),
            severity: Severity::Warning,
            message: "m".into(),
            places: vec![
                mark(usize::MAX, usize::MAX, 0),
                mark(0, 0, usize::MAX),
                mark(3, 9, 2),
                mark(4, 1, 9),
            ],
            quotes: vec![quote(0, 0), quote(3, usize::MAX), quote(usize::MAX, 1)],
            notes: vec![],
            helps: vec![],
        };
        assert!(render_notices(&[notice], false, 80).starts_with("warning[E9999]: m\n"));
    }

    proptest! {
        #[test]
        fn what_was_written_down_reads_as_it_was_shown(
            text in "[a-z \t\r\n\u{1b}é日\u{301}\u{feff}]{0,60}",
            long in prop_oneof![Just(0usize), Just(500)],
            places in prop::collection::vec((0u32..100, 0u32..100, any::<String>()), 0..4),
            words in any::<String>(),
            width in 40usize..200,
            colour in any::<bool>(),
        ) {
            let source = SourceFile::new(words.clone(), format!("{}{text}", "é".repeat(long)));
            let mut wrong = Diagnostic::error(Code::WrongType, words.clone()).note(words.clone()).help(words);
            for (start, end, label) in places {
                let long = long as u32 * 2;
                wrong = wrong.at(&source, Span { start: start + long, end: end + long, ..Span::default() }, label);
            }
            let line = serde_json::to_string(&Notice::of(&wrong)).expect("plain data");
            let read: Notice = serde_json::from_str(&line).expect("what was written");
            prop_assert_eq!(&read, &Notice::of(&wrong));
            prop_assert_eq!(render_notices(&[read], colour, width), render(&[wrong], colour, width));
        }
    }
}
