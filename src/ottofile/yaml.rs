//! YAML text to a tree of nodes with places, collecting every mistake that does not end the reading.
//! Alone knows the YAML crate; knows nothing of tasks.
//!
//! The rules: one document; keys are plain texts and unique; aliases and `<<` within a budget; no tags; at
//! most 16 MiB of text, 100 levels, 1.5 million nodes. Scalars stay as spelled.

mod syntax;

use super::limit;
use crate::diagnostic::{Code, Diagnostic};
use crate::name;
use crate::source::{SourceFile, Span};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StructureStyle};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

/// A piece of the document. Cheap to clone: aliases share what they repeat.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) kind: NodeKind<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeKind<'a> {
    /// A scalar that stands in the source letter by letter.
    Written(&'a str, Style),
    /// A scalar that folding, escapes or block rules made.
    Made(Rc<str>, Style),
    List(Rc<[Node<'a>]>),
    Map(Mapping<'a>),
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
pub(crate) struct Mapping<'a> {
    /// Key, value, key, value, …
    nodes: Rc<[Node<'a>]>,
}

/// The key of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'n> {
    pub(crate) text: &'n str,
    pub(crate) span: Span,
}

impl<'a> Mapping<'a> {
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
            NodeKind::Written(text, _) => Some(text),
            NodeKind::Made(text, _) => Some(text),
            NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    pub(crate) fn style(&self) -> Option<Style> {
        match &self.kind {
            NodeKind::Written(_, style) | NodeKind::Made(_, style) => Some(*style),
            NodeKind::List(_) | NodeKind::Map(_) => None,
        }
    }

    /// Whether this is a value left out: nothing at all, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Written("" | "~" | "null", Style::Plain))
    }

    /// Whether nothing is written here at all.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.kind, NodeKind::Written("", Style::Plain))
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
                // A carriage return alone ends a line for YAML, but not for whoever counts lines; in the header too.
                let header = before.rmatch_indices('\n').nth(blank_lines + 1).map_or(0, |(at, _)| at);
                // The place ends before the line break of the last line.
                let after = &source.text()[self.span.end as usize..];
                let breaks = after.len() - after.trim_start_matches(['\r', '\n']).len();
                let written = &source.text()[header..self.span.end as usize + breaks];
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
pub(crate) struct Document<'a> {
    /// None for an empty document.
    pub(crate) root: Option<Node<'a>>,
    /// Whether the text was read to its end. Otherwise `root` holds what was complete before.
    pub(crate) is_whole: bool,
    /// What is wrong with the YAML as such.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many more mistakes there are.
    pub(crate) untold: usize,
}

/// Reads a text. The entries of the map under the root's key `streamed` go to `visit` as soon as each is
/// complete, and are missing from the tree: ten thousand of them need not be there at once.
pub(crate) fn parse<'a>(source: &'a SourceFile, streamed: &'static str, visit: Visit<'_>) -> Document<'a> {
    let text = source.text();
    let refused =
        |diagnostic| Document { root: None, is_whole: false, diagnostics: vec![diagnostic], untold: 0 };
    if text.len() > limit::MOST_BYTES {
        let message =
            format!("the file has {} bytes; ottofiles can have at most {}", text.len(), limit::MOST_BYTES);
        return refused(Diagnostic::error(Code::YamlLimit, message));
    }
    // The scanner takes a NUL for the end of the text; what follows would be lost in silence.
    if let Some(place) = text.bytes().position(|byte| byte == 0) {
        let nul = Diagnostic::error(Code::YamlSyntax, "the file contains a NUL character")
            .at(source, source.span(place, place + 1), "here")
            .help("scripts can print one with `printf '\\0'`");
        return refused(nul);
    }
    let mut builder = TreeBuilder::new(source, streamed, visit);
    let ended = builder.read();
    if let Err(Fatal(fatal)) = ended {
        builder.abandon();
        // What follows a mistake on its line mostly follows from it.
        let line = |diagnostic: &Diagnostic| diagnostic.labels.first().map(|label| source.line(label.span));
        if builder.diagnostics.last().is_none_or(|last| line(last) != line(&fatal)) {
            builder.diagnostics.push(*fatal);
        }
    }
    let TreeBuilder { root, diagnostics, untold, is_abandoned, .. } = builder;
    Document { root, is_whole: !is_abandoned, diagnostics, untold }
}

/// A mistake after which nothing more can be read.
struct Fatal(Box<Diagnostic>);

struct TreeBuilder<'a, 'v> {
    source: &'a SourceFile,
    streamed: &'static str,
    visit: Visit<'v>,
    /// A streamed entry whose value is a scalar. It waits for the next event: only then it is known to have
    /// ended where it should.
    waiting: Option<(Node<'a>, Node<'a>)>,
    diagnostics: Vec<Diagnostic>,
    untold: usize,
    root: Option<Node<'a>>,
    documents: usize,
    open: Vec<OpenNode>,
    /// The nodes of all open collections, the outermost first; `Open::first` says where each begins.
    stack: Vec<Node<'a>>,
    /// By the crate's anchor id.
    anchors: HashMap<usize, Anchored<'a>>,
    anchor_names: Vec<Cow<'a, str>>,
    /// Nodes and bytes of text so far, those that aliases repeat counted again.
    weight: Weight,
    /// How many of these are repeated by aliases.
    repeated: Weight,
    has_merges: bool,
    is_abandoned: bool,
}

/// A list or map that is not closed yet.
struct OpenNode {
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

impl<'a, 'v> TreeBuilder<'a, 'v> {
    fn new(source: &'a SourceFile, streamed: &'static str, visit: Visit<'v>) -> TreeBuilder<'a, 'v> {
        TreeBuilder {
            source,
            streamed,
            visit,
            waiting: None,
            diagnostics: Vec::new(),
            untold: 0,
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

    fn read(&mut self) -> Result<(), Fatal> {
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

    fn event(&mut self, event: Event<'a>, place: granit_parser::Span) -> Result<(), Fatal> {
        let start = place.start.byte_offset().unwrap_or(0);
        let end = place.end.byte_offset().unwrap_or(start);
        if event.tag().is_some() {
            self.tag(place.tag_span().unwrap_or(place));
        }
        if let Some((key, node)) = self.waiting.take() {
            self.visit(&key, &node);
        }
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(..) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(self.second_document(self.source.span(start, end))),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                // What a tag makes of a scalar is not known; so it says nothing, rather than something wrong.
                let is_unknown = tag.is_some() && !self.expects_key();
                if text.contains('\0') && !self.expects_key() {
                    self.nul(self.source.span(start, end));
                }
                let node =
                    if is_unknown { self.nothing(start) } else { self.scalar(text, style, start, end) };
                self.add(node, anchor)
            }
            Event::SequenceStart(style, anchor, _) => self.open(false, style, anchor, start),
            Event::MappingStart(style, anchor, _) => self.open(true, style, anchor, start),
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(end);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, self.source.span(start, end)),
            Event::UnresolvedAlias(name) => {
                self.unknown_alias(&name, self.source.span(start, end));
                self.add(self.nothing(start), 0)
            }
            Event::Anchor(_, name) => {
                self.anchor_names.push(name);
                Ok(())
            }
            // The crate may learn new events; those that are no nodes say nothing to us.
            _ => Ok(()),
        }
    }

    /// Scripts, variables, arguments and paths end at a NUL; keys say so themselves.
    fn nul(&mut self, span: Span) {
        self.tell(|this| {
            Diagnostic::error(Code::YamlFeature, "a NUL byte is not allowed in scripts, variables and paths")
                .at(this.source, first_line_of(this.source, span), "this string contains `\\0`")
                .help("remove it; scripts can print one with `printf '\\0'`")
        });
    }

    /// The node where nothing is written.
    fn nothing(&self, place: usize) -> Node<'a> {
        Node { span: self.source.span(place, place), kind: NodeKind::Written("", Style::Plain) }
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
            return self.nothing(start);
        }
        // The place of a block scalar reaches to the next token.
        let end = match style {
            Style::Literal | Style::Folded => start + self.source.text()[start..end].trim_end().len(),
            Style::Plain | Style::Quoted => end,
        };
        let kind = match text {
            Cow::Borrowed(text) => NodeKind::Written(text, style),
            Cow::Owned(text) => NodeKind::Made(text.into(), style),
        };
        Node { span: self.source.span(start, end), kind }
    }

    fn open(
        &mut self,
        is_map: bool,
        style: StructureStyle,
        anchor: usize,
        start: usize,
    ) -> Result<(), Fatal> {
        // The value of a key of the root?
        let is_streamed = match self.open.as_slice() {
            [root] => {
                is_map && root.is_map && self.stack.last().and_then(Node::scalar) == Some(self.streamed)
            }
            _ => false,
        };
        self.open.push(OpenNode {
            start,
            is_map,
            is_flow: style == StructureStyle::Flow,
            anchor,
            first: self.stack.len(),
            is_streamed,
            weight_before: self.weight,
            height: 0,
        });
        let place = self.source.span(start, start);
        match self.open.len() > limit::MOST_LEVELS {
            true => Err(self.too_deep(place)),
            false => self.is_bounded(place),
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
            true => NodeKind::Map(self.close_map(&open)),
            false => NodeKind::List(self.stack.drain(open.first..).collect()),
        };
        let node = Node { span: self.source.span(open.start, end), kind };
        self.weight.nodes += 1;
        let height = open.height + 1;
        if open.anchor > 0 {
            let weight = self.weight.since(open.weight_before);
            self.anchors.insert(open.anchor, Anchored { node: node.clone(), weight, height });
        }
        self.put(node, height);
    }

    /// Adds a scalar or a repeated node, which is complete as it comes.
    fn add(&mut self, node: Node<'a>, anchor: usize) -> Result<(), Fatal> {
        let bytes = node.scalar().map_or(0, str::len);
        self.weight.nodes += 1;
        self.weight.bytes += bytes;
        let start = node.span.start as usize;
        self.is_bounded(self.source.span(start, start))?;
        if anchor > 0 {
            let weight = Weight { nodes: 1, bytes };
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height: 0 });
        }
        self.put(node, 0);
        Ok(())
    }

    fn is_bounded(&self, place: Span) -> Result<(), Fatal> {
        if self.weight.nodes > limit::MOST_NODES {
            let message = format!("the file has more than {} values", limit::MOST_NODES);
            return Err(self.limit(message, place, "one too many"));
        }
        if self.anchor_names.len() > limit::MOST_ANCHORS {
            let message = format!("the file has more than {} anchors", limit::MOST_ANCHORS);
            return Err(self.limit(message, place, "one too many"));
        }
        Ok(())
    }

    /// Whether the next node is the key of a map.
    fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_map && (self.stack.len() - open.first).is_multiple_of(2))
    }

    fn put(&mut self, node: Node<'a>, height: usize) {
        let is_key = self.expects_key();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.height = open.height.max(height);
        self.has_merges |= is_key && is_merge(&node);
        let is_visit = open.is_streamed && !is_key && !self.is_abandoned;
        let key = self.stack.pop_if(|key| is_visit && key.scalar().is_some() && !is_merge(key));
        match key {
            Some(key) if node.scalar().is_some() => self.waiting = Some((key, node)),
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

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Fatal> {
        let Some(anchored) = self.anchors.get(&id) else {
            self.tell(|this| {
                let message = "an alias is inside the value it refers to";
                Diagnostic::error(Code::YamlSyntax, message).at(this.source, span, "this would never end")
            });
            return self.add(self.nothing(span.start as usize), 0);
        };
        let (weight, height, node) = (anchored.weight, anchored.height, anchored.node.clone());
        self.weight.add(weight);
        self.repeated.add(weight);
        if self.repeated.nodes > limit::MOST_REPEATED_NODES
            || self.repeated.bytes > limit::MOST_REPEATED_BYTES
        {
            let message = "the aliases of this file expand to too many values";
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
    fn close_map(&mut self, open: &OpenNode) -> Mapping<'a> {
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
            return Mapping { nodes: self.stack.drain(first..).collect() };
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
    fn mend_map(&mut self, nodes: Vec<Node<'a>>) -> Mapping<'a> {
        let mut kept: Vec<Node<'a>> = Vec::with_capacity(nodes.len());
        let mut places: HashMap<Cow<'a, str>, Span> = HashMap::new();
        let mut merged: Vec<Node<'a>> = Vec::new();
        let mut nodes = nodes.into_iter();
        while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
            if is_merge(&key) {
                merged.push(value);
                continue;
            }
            let Some(text) = shared_text(&key) else {
                self.tell(|this| {
                    Diagnostic::error(Code::YamlFeature, "a key must be a string")
                        .at(this.source, first_line_of(this.source, key.span), "this is a key")
                        .help("quote it to make it a string: `\"[a]\": …`")
                });
                continue;
            };
            match places.entry(text) {
                Entry::Occupied(there) => self.twice(there.key(), key.span, *there.get()),
                Entry::Vacant(free) => {
                    free.insert(key.span);
                    kept.push(key);
                    kept.push(value);
                }
            }
        }
        // What the map itself says wins over what is merged, and an earlier merge over a later one.
        for value in merged {
            let sources: Vec<Node<'a>> = match &value.kind {
                NodeKind::List(items) => items.to_vec(),
                NodeKind::Map(_) | NodeKind::Written(..) | NodeKind::Made(..) => vec![value],
            };
            for source in sources {
                let NodeKind::Map(map) = &source.kind else {
                    let is_told = |told: &Diagnostic| {
                        told.labels.first().is_some_and(|label| label.span.start == source.span.start)
                    };
                    // An alias that repeats nothing was told as that.
                    if self.diagnostics.iter().any(is_told) {
                        continue;
                    }
                    self.tell(|this| {
                        Diagnostic::error(Code::WrongType, "`<<` can only merge maps")
                            .at(this.source, first_line_of(this.source, source.span), "not a map")
                            .help("write `<<: *NAME`, where NAME is the anchor of a map")
                    });
                    continue;
                };
                for pair in map.nodes.chunks_exact(2) {
                    let Some(text) = shared_text(&pair[0]) else { continue };
                    if let Entry::Vacant(free) = places.entry(text) {
                        free.insert(pair[0].span);
                        kept.extend_from_slice(pair);
                    }
                }
            }
        }
        Mapping { nodes: kept.into() }
    }

    // ── mistakes ──

    /// Millions of mistakes are only counted, before any words are made.
    fn tell(&mut self, diagnostic: impl FnOnce(&Self) -> Diagnostic) {
        match self.diagnostics.len() < limit::MOST_DIAGNOSTICS {
            true => {
                let diagnostic = diagnostic(self);
                self.diagnostics.push(diagnostic);
            }
            false => self.untold += 1,
        }
    }

    fn twice(&mut self, text: &str, span: Span, earlier: Span) {
        self.tell(|this| {
            Diagnostic::error(Code::DuplicateKey, format!("duplicate key `{text}`"))
                .at(this.source, span, "written again here")
                .at(this.source, earlier, "first written here")
                .help("keep one of them")
        });
    }

    fn tag(&mut self, place: granit_parser::Span) {
        let start = place.start.byte_offset().unwrap_or(0);
        let end = place.end.byte_offset().unwrap_or(start);
        let span = self.source.span(start, end);
        self.tell(|this| {
            let message = format!("YAML tags such as `{}` are not supported", this.source.slice(span));
            Diagnostic::error(Code::YamlFeature, message)
                .at(this.source, span, "a tag")
                .help("remove the tag, values are read exactly as written; or quote the string if the `!` is part of it")
        });
    }

    fn unknown_alias(&mut self, name: &str, span: Span) {
        self.tell(|this| {
            let known = name::similar(name, this.anchor_names.iter().map(|name| &**name), 3);
            let known: Vec<String> = known.into_iter().map(|name| format!("*{name}")).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let wrong = Diagnostic::error(Code::YamlSyntax, format!("unknown alias `*{name}`")).at(
                this.source,
                span,
                format!("no `&{name}` before this line"),
            );
            match known.is_empty() {
                true => wrong.help(format!("quote it if the `*` is part of a string: `\"*{name}\"`")),
                false => wrong.did_you_mean(&known),
            }
        });
    }

    fn second_document(&self, span: Span) -> Fatal {
        let wrong = Diagnostic::error(
            Code::YamlFeature,
            "an ottofile must be a single YAML document, but a second one starts here",
        )
        .at(self.source, span, "here")
        .help("remove this line, or move the rest to another file");
        Fatal(Box::new(wrong))
    }

    fn too_deep(&self, span: Span) -> Fatal {
        let message = format!("the file is nested deeper than {} levels", limit::MOST_LEVELS);
        self.limit(message, span, "one level too many")
    }

    fn limit(&self, message: String, span: Span, label: &str) -> Fatal {
        let span = first_line_of(self.source, span);
        Fatal(Box::new(Diagnostic::error(Code::YamlLimit, message).at(self.source, span, label)))
    }

    /// The text is not YAML: says what was found, in words of the file rather than of a grammar.
    fn stopped(&self, error: &granit_parser::ScanError) -> Fatal {
        let place = error.marker().byte_offset().unwrap_or(0).min(self.source.text().len());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(self.source.span(place, place));
        }
        let unfinished = self.open.last().map(|open| syntax::Unfinished {
            start: open.start,
            is_map: open.is_map,
            is_flow: open.is_flow,
        });
        Fatal(Box::new(syntax::explain(self.source, error.kind(), place, unfinished)))
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

/// The text of a scalar for as long as the source lives, without a copy where it stands there.
fn shared_text<'a>(node: &Node<'a>) -> Option<Cow<'a, str>> {
    match &node.kind {
        NodeKind::Written(text, _) => Some(Cow::Borrowed(text)),
        NodeKind::Made(text, _) => Some(Cow::Owned(text.to_string())),
        NodeKind::List(_) | NodeKind::Map(_) => None,
    }
}

fn is_merge(key: &Node<'_>) -> bool {
    matches!(key.kind, NodeKind::Written("<<", Style::Plain))
}

/// The part of a place that is on its first line: enough to point at.
pub(crate) fn first_line_of(source: &SourceFile, span: Span) -> Span {
    let line = source.slice(span).lines().next().unwrap_or("");
    source.span(span.start as usize, span.start as usize + line.len())
}
