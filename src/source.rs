//! A text that the user wrote, and places in it.
//! Knows nothing of YAML or of diagnostics.

use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A source of one [`Sources`]: its place there. The default is the root ottofile, and every text that stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) struct SourceId(u32);

impl SourceId {
    /// Which one of the included ottofiles it is, from 0; `None` for the root.
    pub(crate) fn included(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }
}

/// A half-open range of byte offsets into one [`SourceFile`], which [`SourceFile::span`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) source: SourceId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// A place in a text that stands alone.
    #[cfg(test)]
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { source: SourceId::default(), start: fits(start), end: fits(end.max(start)) }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

fn fits(offset: usize) -> u32 {
    // The readers of files reject those over 16 MiB, far below 4 GiB.
    u32::try_from(offset).expect("bug: a source file is over 4 GiB")
}

/// A thing the user wrote, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Spanned<T> {
    pub(crate) fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// A line and a column, both counted from 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A whole text with the name under which the user knows it (`otto.yml`, `sub/alt.yml`, `command line`).
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    inner: Arc<SourceInner>,
}

#[derive(Debug)]
struct SourceInner {
    id: SourceId,
    name: String,
    text: String,
    /// Byte offset at which each line starts; the first is always 0.
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The root ottofile, or a text that stands alone.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> SourceFile {
        SourceFile::numbered(SourceId::default(), name, text)
    }

    /// A source that will be the one with this place in a [`Sources`].
    pub(crate) fn numbered(id: SourceId, name: impl Into<String>, text: impl Into<String>) -> SourceFile {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(offset, _)| fits(offset + 1))).collect();
        SourceFile { inner: Arc::new(SourceInner { id, name: name.into(), text, line_starts }) }
    }

    /// The same source with another text, in which places are where they were.
    pub(crate) fn with_text(&self, text: String) -> SourceFile {
        SourceFile::numbered(self.inner.id, self.name(), text)
    }

    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.inner.text
    }

    /// The place from one byte offset up to another.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        Span { source: self.inner.id, start: fits(start), end: fits(end.max(start)) }
    }

    pub(crate) fn slice(&self, span: Span) -> &str {
        self.inner.text.get(span.range()).unwrap_or("")
    }

    /// The line and column of a byte offset; an offset past the end is the end.
    pub(crate) fn position(&self, offset: u32) -> Position {
        let offset = (offset as usize).min(self.inner.text.len());
        let line = self.inner.line_starts.partition_point(|start| *start as usize <= offset);
        let start = self.inner.line_starts[line - 1] as usize;
        let column = self.inner.text.get(start..offset).map_or(1, |before| before.chars().count() + 1);
        Position { line, column }
    }

    /// The bytes of a line (from 1) with its line break; a line past the end is empty.
    pub(crate) fn line_range(&self, line: usize) -> Range<usize> {
        let length = self.inner.text.len();
        let start_of =
            |line: usize| self.inner.line_starts.get(line - 1).map_or(length, |start| *start as usize);
        start_of(line.max(1))..start_of(line.max(1) + 1)
    }

    /// The line (from 1) on which a span starts.
    pub(crate) fn line(&self, span: Span) -> usize {
        let offset = (span.start as usize).min(self.inner.text.len());
        self.inner.line_starts.partition_point(|start| *start as usize <= offset)
    }
}

/// The texts of all ottofiles of a run; the first one is the root's. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    files: Arc<Vec<SourceFile>>,
}

impl Sources {
    /// `root` is the first source.
    pub(crate) fn new(root: SourceFile) -> Sources {
        Sources { files: Arc::new(vec![root]) }
    }

    pub(crate) fn root(&self) -> &SourceFile {
        &self.files[0]
    }

    /// The number that the next source must have.
    pub(crate) fn next(&self) -> SourceId {
        SourceId(fits(self.files.len()))
    }

    /// Adds a source, which has the number that was next.
    pub(crate) fn push(&mut self, file: SourceFile) -> SourceId {
        let id = self.next();
        assert_eq!(file.inner.id, id, "bug: the places in `{}` belong to another number", file.name());
        Arc::make_mut(&mut self.files).push(file);
        id
    }

    /// The number of the source at a place.
    pub(crate) fn id(&self, place: usize) -> SourceId {
        self.files[place].inner.id
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    pub(crate) fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The source that a place is in.
    pub(crate) fn of(&self, span: Span) -> &SourceFile {
        &self.files[span.source.0 as usize]
    }

    pub(crate) fn slice(&self, span: Span) -> &str {
        self.of(span).slice(span)
    }

    /// The line (from 1) on which a span starts.
    pub(crate) fn line(&self, span: Span) -> usize {
        self.of(span).line(span)
    }
}

/// What knows the text around a place.
pub(crate) trait Text {
    fn around(&self, span: Span) -> &SourceFile;
}

impl Text for SourceFile {
    fn around(&self, span: Span) -> &SourceFile {
        debug_assert_eq!(self.inner.id, span.source, "bug: a place in another file than `{}`", self.name());
        self
    }
}

impl Text for Sources {
    fn around(&self, span: Span) -> &SourceFile {
        self.of(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let file = SourceFile::new("otto.yml", "a: 1\nżó: 2\n");
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(5), Position { line: 2, column: 1 });
        assert_eq!(file.position(9), Position { line: 2, column: 3 });
        assert_eq!(file.position(999), Position { line: 3, column: 1 });
    }
}
