//! Where the characters of a body stand in its ottofile.

use crate::ottofile::spec::Body;
use crate::source::{SourceFile, Span};
use std::ops::Range;

/// Translates byte offsets of a body's text, which has lost its indentation, to those of the document.
pub(crate) struct Place<'a> {
    body: &'a Body,
    source: &'a SourceFile,
}

impl<'a> Place<'a> {
    pub(crate) fn of(body: &'a Body, source: &'a SourceFile) -> Place<'a> {
        Place { body, source }
    }

    /// The place of a range that lies in one line. Where the body's lines are not those of the document, the place
    /// of the whole body.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        self.exact(range).unwrap_or(self.body.span)
    }

    fn exact(&self, range: Range<usize>) -> Option<Span> {
        if !self.body.has_true_lines {
            return None;
        }
        let text = &self.body.text;
        let before = text.get(..range.start)?;
        let line = self.body.first_line + before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let content = text[line_start..].lines().next()?;
        let source = self.source.text();
        let there = source.split_inclusive('\n').nth(line - 1)?;
        let there_start = there.as_ptr() as usize - source.as_ptr() as usize;
        // Indentation, and for a body on the line of its key the key itself, stand before the content.
        let start = there_start + there.find(content)? + (range.start - line_start);
        let end = (start + range.len()).min(there_start + there.trim_end().len());
        Some(self.source.span(start, end.max(start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ottofile::spec::BodyKey;

    #[test]
    fn a_word_of_a_body_is_found_in_the_document() {
        let document = "tasks:\n  a:\n    bash: |\n      one\n      two three\n";
        let text = "one\ntwo three\n";
        let source = SourceFile::new("otto.yml", document);
        let body = Body {
            key: BodyKey::Bash,
            key_span: Span::default(),
            text: text.into(),
            span: Span::new(23, document.len()),
            first_line: 4,
            has_true_lines: true,
        };
        assert_eq!(source.slice(Place::of(&body, &source).span(8..13)), "three");
        let folded = Body { has_true_lines: false, ..body.clone() };
        assert_eq!(Place::of(&folded, &source).span(8..13), body.span);
    }
}
