//! YAML text to a tree of nodes with places, collecting every mistake that does not end the reading.
//! Alone knows the YAML crate; knows nothing of tasks.
//!
//! The rules: one document; keys are plain texts and unique; aliases and `<<` within a budget; no tags; at
//! most 16 MiB of text, 100 levels, 2 million nodes. Scalars stay as spelled.

use super::limit;
use crate::diagnostic::{Code, Diagnostic};
use crate::name;
use crate::source::{SourceFile, Span};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StructureStyle};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

/// A piece of the document. Cheap to clone: aliases share what they repeat.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    /// A scalar that stands in the source letter by letter.
    Written(&'a str, Style),
    /// A scalar that folding, escapes or block rules made.
    Made(Rc<str>, Style),
    List(Rc<[Node<'a>]>),
    Map(Map<'a>),
}

/// Takes an entry of the streamed map. One whose key was taken before is not taken; the answer is the place
/// of that first key.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(Key<'_>, &Node<'_>) -> Result<(), Span>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// Keys in the order of the document, each a scalar and each once; merges are already done.
#[derive(Clone, Debug)]
pub(crate) struct Map<'a> {
    /// Key, value, key, value, …
    nodes: Rc<[Node<'a>]>,
}

/// The key of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'n> {
    pub(crate) text: &'n str,
    pub(crate) span: Span,
}

impl<'a> Map<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key<'_>, &Node<'a>)> {
        self.nodes.chunks_exact(2).map(|pair| {
            let text = pair[0].scalar().expect("bug: a map was closed with a key that is no scalar");
            (Key { text, span: pair[0].span }, &pair[1])
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<(Key<'_>, &Node<'a>)> {
        self.iter().find(|(key, _)| key.text == name)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len() / 2
    }
}

impl Node<'_> {
    /// The text of a scalar, as spelled.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Written(text, _) => Some(text),
            Kind::Made(text, _) => Some(text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn style(&self) -> Option<Style> {
        match &self.kind {
            Kind::Written(_, style) | Kind::Made(_, style) => Some(*style),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Whether this is a value left out: nothing at all, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Written("" | "~" | "null", Style::Plain))
    }

    /// Whether nothing is written here at all.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.kind, Kind::Written("", Style::Plain))
    }

    /// On which line of the file (from 1) the first line of a scalar's text stands, and whether each further
    /// line of the text is a further line of the file.
    pub(crate) fn script_lines(&self, source: &SourceFile) -> (usize, bool) {
        let start_line = source.line(self.span);
        let Some(text) = self.scalar() else { return (start_line, false) };
        let written = source.slice(self.span);
        match self.style() {
            Some(Style::Literal | Style::Folded) => {
                // The place begins at the first text that is not blank, but blank lines before it count: the
                // first line of the text is the one after the header, and the header is the next line above
                // that is not blank.
                let before = &source.text()[..self.span.start as usize];
                let above_and_header = before.rsplit('\n').skip(1);
                let blank_lines = above_and_header.take_while(|line| line.trim().is_empty()).count();
                // A carriage return alone ends a line for YAML, but not for whoever counts lines.
                let has_lone_returns = written.contains('\r') && written.replace("\r\n", "").contains('\r');
                (start_line - blank_lines, self.style() == Some(Style::Literal) && !has_lone_returns)
            }
            Some(Style::Plain | Style::Quoted) | None => {
                (start_line, !text.contains('\n') && !written.contains('\n'))
            }
        }
    }
}

/// What came of a text.
pub(crate) struct Parsed<'a> {
    /// None for an empty document.
    pub(crate) root: Option<Node<'a>>,
    /// Whether the text was read to its end. Otherwise `root` holds what was complete before.
    pub(crate) is_whole: bool,
    /// What is wrong with the YAML as such.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Reads a text. The entries of the map under the root's key `streamed` go to `visit` as soon as each is
/// complete, and are missing from the tree: ten thousand of them need not be there at once.
pub(crate) fn parse<'a>(source: &'a SourceFile, streamed: &'static str, visit: Visit<'_>) -> Parsed<'a> {
    let text = source.text();
    let refused = |diagnostic| Parsed { root: None, is_whole: false, diagnostics: vec![diagnostic] };
    if text.len() > limit::MOST_BYTES {
        let message =
            format!("the file has {} bytes, and an ottofile has at most {}", text.len(), limit::MOST_BYTES);
        return refused(Diagnostic::error(Code::YamlLimit, message));
    }
    // The scanner takes a NUL for the end of the text; what follows would be lost in silence.
    if let Some(place) = text.bytes().position(|byte| byte == 0) {
        let nul = Diagnostic::error(Code::YamlSyntax, "the file contains a NUL character")
            .at(source, Span::new(place, place + 1), "here")
            .help("write `\\0` in a quoted text, or `$'\\0'` in a script");
        return refused(nul);
    }
    let mut builder = Builder::new(source, streamed, visit);
    let ended = builder.read();
    if let Err(Stop(fatal)) = ended {
        builder.abandon();
        builder.diagnostics.push(*fatal);
    }
    Parsed { root: builder.root, is_whole: !builder.is_abandoned, diagnostics: builder.diagnostics }
}

/// A mistake after which nothing more can be read.
struct Stop(Box<Diagnostic>);

struct Builder<'a, 'v> {
    source: &'a SourceFile,
    streamed: &'static str,
    visit: Visit<'v>,
    diagnostics: Vec<Diagnostic>,
    root: Option<Node<'a>>,
    documents: usize,
    open: Vec<Open>,
    /// The nodes of all open collections, the outermost first; `Open::first` says where each begins.
    stack: Vec<Node<'a>>,
    /// By the crate's anchor id.
    anchors: HashMap<usize, Anchored<'a>>,
    anchor_names: Vec<Cow<'a, str>>,
    /// Nodes and bytes of text so far, those that aliases repeat counted again.
    weight: Weight,
    /// Of these, what aliases repeat.
    repeated: Weight,
    has_merges: bool,
    is_abandoned: bool,
}

/// A list or map that is not closed yet.
struct Open {
    start: usize,
    is_map: bool,
    is_flow: bool,
    anchor: usize,
    first: usize,
    is_streamed: bool,
    weight_before: Weight,
    /// Levels below this one so far.
    height: usize,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

struct Anchored<'a> {
    node: Node<'a>,
    weight: Weight,
    height: usize,
}

impl<'a, 'v> Builder<'a, 'v> {
    fn new(source: &'a SourceFile, streamed: &'static str, visit: Visit<'v>) -> Builder<'a, 'v> {
        Builder {
            source,
            streamed,
            visit,
            diagnostics: Vec::new(),
            root: None,
            documents: 0,
            open: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            anchor_names: Vec::new(),
            weight: Weight::default(),
            repeated: Weight::default(),
            has_merges: false,
            is_abandoned: false,
        }
    }

    /// Closes what is open, so that what is complete in it can still be looked at.
    fn abandon(&mut self) {
        self.is_abandoned = true;
        while let Some(open) = self.open.last() {
            let has_lone_key = open.is_map && !(self.stack.len() - open.first).is_multiple_of(2);
            if has_lone_key {
                self.stack.pop();
            }
            self.close(self.source.text().len());
        }
    }

    fn read(&mut self) -> Result<(), Stop> {
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            flow_nesting_limit: limit::MOST_LEVELS,
            block_nesting_limit: limit::MOST_LEVELS,
        };
        for next in Parser::new_from_str_with_options(self.source.text(), options) {
            match next {
                Ok((event, place)) => self.event(event, place)?,
                Err(error) => return Err(self.stopped(&error)),
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'a>, place: granit_parser::Span) -> Result<(), Stop> {
        let start = place.start.byte_offset().unwrap_or(0);
        let end = place.end.byte_offset().unwrap_or(start);
        if event.tag().is_some() {
            self.tag(place.tag_span().unwrap_or(place));
        }
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(..) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(self.second_document(Span::new(start, end))),
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let node = self.scalar(text, style, start, end);
                self.add(node, anchor)
            }
            Event::SequenceStart(style, anchor, _) => self.open(false, style, anchor, start),
            Event::MappingStart(style, anchor, _) => self.open(true, style, anchor, start),
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(end);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, Span::new(start, end)),
            Event::UnresolvedAlias(name) => {
                self.unknown_alias(&name, Span::new(start, end));
                self.add(nothing(start), 0)
            }
            Event::Anchor(_, name) => {
                self.anchor_names.push(name);
                Ok(())
            }
            // The crate may learn new events; those that are no nodes say nothing to us.
            _ => Ok(()),
        }
    }

    fn scalar(&self, text: Cow<'a, str>, style: ScalarStyle, start: usize, end: usize) -> Node<'a> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        if start == end && style == Style::Plain {
            // The crate spells a missing value `~`.
            return nothing(start);
        }
        // The place of a block scalar reaches to the next token.
        let end = match style {
            Style::Literal | Style::Folded => start + self.source.text()[start..end].trim_end().len(),
            Style::Plain | Style::Quoted => end,
        };
        let kind = match text {
            Cow::Borrowed(text) => Kind::Written(text, style),
            Cow::Owned(text) => Kind::Made(text.into(), style),
        };
        Node { span: Span::new(start, end), kind }
    }

    fn open(&mut self, is_map: bool, style: StructureStyle, anchor: usize, start: usize) -> Result<(), Stop> {
        // The value of a key of the root?
        let is_streamed = match self.open.as_slice() {
            [root] => {
                is_map && root.is_map && self.stack.last().and_then(Node::scalar) == Some(self.streamed)
            }
            _ => false,
        };
        self.open.push(Open {
            start,
            is_map,
            is_flow: style == StructureStyle::Flow,
            anchor,
            first: self.stack.len(),
            is_streamed,
            weight_before: self.weight,
            height: 0,
        });
        match self.open.len() > limit::MOST_LEVELS {
            true => Err(self.too_deep(Span::new(start, start))),
            false => Ok(()),
        }
    }

    /// Closes the innermost collection.
    fn close(&mut self, end: usize) {
        let open = self.open.pop().expect("bug: the YAML crate closed what it did not open");
        // A block collection ends with its last node; the crate says only where the next token is.
        let end = match self.stack[open.first..].last() {
            _ if open.is_flow => end,
            Some(last) => last.span.end as usize,
            None => open.start,
        };
        let kind = match open.is_map {
            true => Kind::Map(self.close_map(&open)),
            false => Kind::List(self.stack.drain(open.first..).collect()),
        };
        let node = Node { span: Span::new(open.start, end), kind };
        self.weight.nodes += 1;
        let height = open.height + 1;
        if open.anchor > 0 {
            let weight = self.weight.since(open.weight_before);
            self.anchors.insert(open.anchor, Anchored { node: node.clone(), weight, height });
        }
        self.put(node, height);
    }

    /// Adds a scalar or a repeated node, which is complete as it comes.
    fn add(&mut self, node: Node<'a>, anchor: usize) -> Result<(), Stop> {
        let bytes = node.scalar().map_or(0, str::len);
        self.weight.nodes += 1;
        self.weight.bytes += bytes;
        if self.weight.nodes > limit::MOST_NODES {
            let message = format!("the file has more than {} values", limit::MOST_NODES);
            let here = Span::new(node.span.start as usize, node.span.start as usize);
            return Err(self.limit(message, here, "one too many"));
        }
        if anchor > 0 {
            let weight = Weight { nodes: 1, bytes };
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height: 0 });
        }
        self.put(node, 0);
        Ok(())
    }

    fn put(&mut self, node: Node<'a>, height: usize) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.height = open.height.max(height);
        let is_key = open.is_map && (self.stack.len() - open.first).is_multiple_of(2);
        self.has_merges |= is_key && is_merge(&node);
        let is_visit = open.is_streamed && !is_key && !self.is_abandoned;
        let key = self.stack.pop_if(|key| is_visit && key.scalar().is_some() && !is_merge(key));
        match key {
            Some(key) => self.visit(&key, &node),
            None => self.stack.push(node),
        }
    }

    fn visit(&mut self, key: &Node<'a>, node: &Node<'a>) {
        let text = key.scalar().unwrap_or_default();
        if let Err(earlier) = (self.visit)(Key { text, span: key.span }, node) {
            self.twice(text, key.span, earlier);
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(anchored) = self.anchors.get(&id) else {
            let inside = Diagnostic::error(
                Code::YamlSyntax,
                "an alias stands inside the value that it repeats",
            )
            .at(self.source, span, "this would repeat itself without end");
            self.diagnostics.push(inside);
            return self.add(nothing(span.start as usize), 0);
        };
        let (weight, height, node) = (anchored.weight, anchored.height, anchored.node.clone());
        self.weight.add(weight);
        self.repeated.add(weight);
        if self.repeated.nodes > limit::MOST_REPEATED_NODES
            || self.repeated.bytes > limit::MOST_REPEATED_BYTES
        {
            let message = "the aliases of this file expand to too much";
            return Err(self.limit(message.to_owned(), span, "the limit is reached here"));
        }
        if self.open.len() + height > limit::MOST_LEVELS {
            return Err(self.too_deep(span));
        }
        self.put(node, height);
        Ok(())
    }

    // ── maps ──

    /// Takes the nodes of a map off the stack: checks that its keys are scalars and unique, and merges.
    fn close_map(&mut self, open: &Open) -> Map<'a> {
        let first = open.first;
        let keys = self.stack[first..].iter().step_by(2);
        let count = keys.len();
        let is_sound = match count {
            0..=12 => keys.clone().enumerate().all(|(place, key)| {
                key.scalar().is_some_and(|text| {
                    self.stack[first..]
                        .iter()
                        .step_by(2)
                        .take(place)
                        .all(|other| other.scalar() != Some(text))
                })
            }),
            _ => {
                let mut seen = std::collections::HashSet::with_capacity(count);
                keys.clone().all(|key| key.scalar().is_some_and(|text| seen.insert(text)))
            }
        };
        let has_merge = self.has_merges && keys.clone().any(is_merge);
        if is_sound && !has_merge {
            return Map { nodes: self.stack.drain(first..).collect() };
        }
        let nodes: Vec<Node<'a>> = self.stack.drain(first..).collect();
        let map = self.mend_map(nodes);
        if open.is_streamed && !self.is_abandoned {
            // What the map merges. An entry of its own wins, so nothing is wrong with one that was there before.
            for (key, node) in map.iter() {
                let _there_before = (self.visit)(key, node);
            }
        }
        map
    }

    /// A map in which something is merged or wrong.
    fn mend_map(&mut self, nodes: Vec<Node<'a>>) -> Map<'a> {
        let mut kept: Vec<Node<'a>> = Vec::with_capacity(nodes.len());
        let mut places: HashMap<String, Span> = HashMap::new();
        let mut merged: Vec<Node<'a>> = Vec::new();
        let mut nodes = nodes.into_iter();
        while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
            if is_merge(&key) {
                merged.push(value);
                continue;
            }
            let Some(text) = key.scalar() else {
                let wrong = Diagnostic::error(Code::WrongType, "a key must be a single text")
                    .at(self.source, first_line_of(self.source, key.span), "this is a key")
                    .help("quote it if it is meant as text: `\"[a]\": …`");
                self.diagnostics.push(wrong);
                continue;
            };
            match places.get(text) {
                Some(earlier) => {
                    let twice =
                        Diagnostic::error(Code::DuplicateKey, format!("the key `{text}` is written twice"))
                            .at(self.source, key.span, "written again here")
                            .at(self.source, *earlier, "first written here")
                            .help("keep one of the two");
                    self.diagnostics.push(twice);
                }
                None => {
                    places.insert(text.to_owned(), key.span);
                    kept.push(key);
                    kept.push(value);
                }
            }
        }
        // What the map itself says wins over what is merged, and an earlier merge over a later one.
        for value in merged {
            let sources: Vec<Node<'a>> = match &value.kind {
                Kind::List(items) => items.to_vec(),
                Kind::Map(_) | Kind::Written(..) | Kind::Made(..) => vec![value],
            };
            for source in sources {
                let Kind::Map(map) = &source.kind else {
                    let wrong = Diagnostic::error(Code::WrongType, "`<<` merges maps, and this is none")
                        .at(self.source, first_line_of(self.source, source.span), "not a map")
                        .help("write `<<: *NAME`, where NAME is the anchor of a map");
                    self.diagnostics.push(wrong);
                    continue;
                };
                for pair in map.nodes.chunks_exact(2) {
                    let text = pair[0].scalar().unwrap_or_default();
                    if !places.contains_key(text) {
                        places.insert(text.to_owned(), pair[0].span);
                        kept.extend_from_slice(pair);
                    }
                }
            }
        }
        Map { nodes: kept.into() }
    }

    // ── mistakes ──

    fn twice(&mut self, text: &str, span: Span, earlier: Span) {
        let twice = Diagnostic::error(Code::DuplicateKey, format!("the key `{text}` is written twice"))
            .at(self.source, span, "written again here")
            .at(self.source, earlier, "first written here")
            .help("keep one of the two");
        self.diagnostics.push(twice);
    }

    fn tag(&mut self, place: granit_parser::Span) {
        let start = place.start.byte_offset().unwrap_or(0);
        let end = place.end.byte_offset().unwrap_or(start);
        let span = Span::new(start, end);
        let tag = self.source.slice(span).to_owned();
        let wrong =
            Diagnostic::error(Code::YamlFeature, format!("ottofiles use no YAML tags, such as `{tag}`"))
                .at(self.source, span, "a tag")
                .help("leave the tag out: values are read as they are spelled");
        self.diagnostics.push(wrong);
    }

    fn unknown_alias(&mut self, name: &str, span: Span) {
        let known = name::similar(name, self.anchor_names.iter().map(|name| &**name), 3);
        let known: Vec<String> = known.into_iter().map(|name| format!("*{name}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut wrong = Diagnostic::error(Code::YamlSyntax, format!("the alias `*{name}` repeats nothing"))
            .at(self.source, span, format!("no `&{name}` stands before this line"))
            .did_you_mean(&known);
        if known.is_empty() {
            wrong = wrong.help(format!("quote it if the star is meant as text: `\"*{name}\"`"));
        }
        self.diagnostics.push(wrong);
    }

    fn second_document(&self, span: Span) -> Stop {
        let wrong =
            Diagnostic::error(Code::YamlFeature, "an ottofile is one YAML document, and a second one begins")
                .at(self.source, span, "here")
                .help("remove this line, or move what follows into a file of its own");
        Stop(Box::new(wrong))
    }

    fn too_deep(&self, span: Span) -> Stop {
        let message = format!("the file nests deeper than {} levels", limit::MOST_LEVELS);
        self.limit(message, span, "one level too many")
    }

    fn limit(&self, message: String, span: Span, label: &str) -> Stop {
        let span = first_line_of(self.source, span);
        Stop(Box::new(Diagnostic::error(Code::YamlLimit, message).at(self.source, span, label)))
    }

    /// The text is not YAML: says what was found, in words of the file rather than of a grammar.
    fn stopped(&self, error: &granit_parser::ScanError) -> Stop {
        let place = error.marker().byte_offset().unwrap_or(0).min(self.source.text().len());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(Span::new(place, place));
        }
        let mistake = syntax::explain(self.source, error.kind(), place);
        let mut wrong =
            Diagnostic::error(Code::YamlSyntax, mistake.message).at(self.source, mistake.span, mistake.label);
        if mistake.is_about_indentation
            && let Some(open) = self.open.last()
            && !open.is_flow
        {
            let what = if open.is_map { "the keys of this map" } else { "the entries of this list" };
            let column = self.source.position(open.start as u32).column;
            let start = Span::new(open.start, open.start + 1);
            wrong = wrong.at(self.source, start, format!("{what} start in column {column}"));
        }
        for help in mistake.helps {
            wrong = wrong.help(help);
        }
        Stop(Box::new(wrong))
    }
}

impl Weight {
    fn add(&mut self, other: Weight) {
        self.nodes += other.nodes;
        self.bytes += other.bytes;
    }

    fn since(self, before: Weight) -> Weight {
        Weight { nodes: self.nodes - before.nodes, bytes: self.bytes - before.bytes }
    }
}

fn nothing<'a>(place: usize) -> Node<'a> {
    Node { span: Span::new(place, place), kind: Kind::Written("", Style::Plain) }
}

fn is_merge(key: &Node<'_>) -> bool {
    matches!(key.kind, Kind::Written("<<", Style::Plain))
}

/// The part of a place that is on its first line: enough to point at.
pub(crate) fn first_line_of(source: &SourceFile, span: Span) -> Span {
    let line = source.slice(span).lines().next().unwrap_or("");
    Span::new(span.start as usize, span.start as usize + line.len())
}

mod syntax {
    //! What the crate's errors mean to someone who wrote an ottofile.

    use super::*;

    pub(super) struct Mistake {
        pub(super) message: String,
        pub(super) span: Span,
        pub(super) label: String,
        pub(super) helps: Vec<String>,
        pub(super) is_about_indentation: bool,
    }

    pub(super) fn explain(source: &SourceFile, kind: &ErrorKind, place: usize) -> Mistake {
        if let Some(tab) = tab_in_indentation(source.text(), place) {
            return mistake("a tab in the indentation", Span::new(tab, tab + 1), "this is a tab")
                .help("YAML indents with blanks only: replace each tab by two blanks");
        }
        let text = source.text();
        let next = text[place..].chars().next();
        let here = Span::new(place, place + next.map_or(0, char::len_utf8));
        let word = word_at(text, place);
        match kind {
            ErrorKind::UnclosedFlowCollection { open } => {
                let close = if *open == '[' { ']' } else { '}' };
                mistake(format!("`{open}` is never closed"), here, format!("no `{close}` follows"))
                    .help(format!("close it with `{close}`, or quote the text if it is meant as text"))
            }
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
                mistake(format!("`{open}` is closed by `{close}`"), here, "opened here")
            }
            ErrorKind::MisplacedFlowCollectionEnd => {
                let bracket = next.unwrap_or(']');
                mistake(format!("`{bracket}` closes nothing"), here, "nothing is open here")
                    .help("quote the text if the bracket is part of it")
            }
            ErrorKind::UnclosedQuotedScalar => {
                let quote = next.unwrap_or('"');
                mistake(format!("a text in `{quote}` is never closed"), here, "opened here")
                    .help(format!("close it with `{quote}`, or write a longer text as a block: `key: |`"))
            }
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
                mistake("a `:` where no key can stand", here, "this makes the text before it a key").help(
                    "quote the whole text, or write it as a block: `key: |` and the text on the next line",
                )
            }
            ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => mistake(
                "a line that is not indented like its neighbours",
                word,
                "no key is expected in this column",
            )
            .indentation()
            .help("give it the indentation of the lines that it belongs to"),
            ErrorKind::ExpectedBlockSequenceEntry => mistake(
                "a list goes on with something that is no `- ` entry",
                word,
                "expected `- `, or less indentation",
            )
            .indentation(),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
                mistake("a key without its `:`", word, "a `:` must follow on this line")
                    .help("write `key: value`; a longer text goes into a block: `key: |`")
            }
            ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
                mistake("a `- ` entry where no list can begin", here, "not here")
                    .help("begin the list on a line of its own, or write it as `[a, b]`")
            }
            ErrorKind::UnexpectedCharacter { character } if "@`%".contains(*character) => mistake(
                format!("no plain text begins with `{character}`"),
                here,
                "a plain text cannot begin so",
            )
            .help("quote the text"),
            ErrorKind::UnexpectedCharacter { character } => mistake(
                format!("the character `{}` is not allowed here", character.escape_default()),
                here,
                "not allowed here",
            ),
            ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
                mistake("text after a closing quote", word, "the quoted text has ended before this").help(
                    "quote the whole text, or write it as a block: `key: |` and the text on the next line",
                )
            }
            ErrorKind::UnknownQuotedScalarEscape => {
                mistake("an escape that YAML does not know, in double quotes", here, "in this text")
                    .help("double the backslash, or use single quotes: they keep backslashes as they are")
            }
            ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape
            | ErrorKind::InvalidLowSurrogate
            | ErrorKind::InvalidLowSurrogateHexEscape
            | ErrorKind::MissingLowSurrogate
            | ErrorKind::UnpairedLowSurrogate => {
                mistake("an escape that names no character, in double quotes", here, "in this text")
                    .help("write `\\x41`, `\\u0041` or `\\U00000041`, or use single quotes")
            }
            ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => {
                mistake("text after `|` or `>`", here, "a block begins on the next line")
                    .help("after `|` or `>` only `-`, `+`, a digit from 1 to 9 and a comment may follow")
            }
            ErrorKind::InvalidBlockScalarIndent => mistake(
                "a blank line of a block is indented deeper than its text",
                here,
                "deeper than the text",
            )
            .help("remove the blanks, or say the indentation: `|2`"),
            ErrorKind::ExpectedFlowMappingSeparator => {
                mistake("entries of a `{ }` map are not separated", word, "expected `,` or `}` before this")
            }
            ErrorKind::ExpectedFlowSequenceSeparator => {
                mistake("entries of a `[ ]` list are not separated", word, "expected `,` or `]` before this")
            }
            other => mistake(format!("this is not YAML: {other}"), here, "here"),
        }
    }

    fn mistake(message: impl Into<String>, span: Span, label: impl Into<String>) -> Mistake {
        Mistake {
            message: message.into(),
            span,
            label: label.into(),
            helps: Vec::new(),
            is_about_indentation: false,
        }
    }

    impl Mistake {
        fn help(mut self, text: impl Into<String>) -> Mistake {
            self.helps.push(text.into());
            self
        }

        fn indentation(mut self) -> Mistake {
            self.is_about_indentation = true;
            self
        }
    }

    /// Whatever the crate calls it: where the line of the error is indented with a tab, the tab is the mistake.
    fn tab_in_indentation(text: &str, place: usize) -> Option<usize> {
        let lines_from = |start: usize| {
            let indent = text[start..].find(|character: char| character != ' ' && character != '\t')?;
            text[start..start + indent].find('\t').map(|tab| start + tab)
        };
        let line_start = text[..place].rfind('\n').map_or(0, |newline| newline + 1);
        // A block's content is reported at its header, one line above.
        let next_line = text[place..].find('\n').map(|newline| place + newline + 1);
        lines_from(line_start).or_else(|| {
            let is_header = text[line_start..].lines().next()?.contains(['|', '>']);
            next_line.filter(|_| is_header).and_then(lines_from)
        })
    }

    /// From a place to the end of the word there.
    fn word_at(text: &str, place: usize) -> Span {
        let rest = &text[place..];
        let length = rest.find(|character: char| character.is_whitespace() || ",]}".contains(character));
        let length = length.unwrap_or(rest.len()).clamp(0, 200);
        let length = (length..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(0);
        Span::new(place, place + length)
    }
}

/// A scalar's text, wherever it lives.
impl Deref for Key<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}
