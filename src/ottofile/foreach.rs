//! The map `foreach` of a task. What it expands to is the plan's business: nothing is listed here, however
//! large a range may be.

use super::field::{Entries, Field, Owner, Reader, TEXTS, listed};
use super::foreign;
use super::spec::{
    Axis, AxisValues, Combination, DataPath, Foreach, ForeachJobs, ForeachSource, Matrix, Task,
};
use super::yaml::{Mapping, Node, NodeKind};
use crate::diagnostic::Code;
use crate::name::ParamName;
use crate::source::{Span, Spanned};

pub(super) const KEYS: &[&str] = &[
    "as",
    "buffer",
    "command",
    "each",
    "exclude",
    "fail_fast",
    "from",
    "glob",
    "include",
    "items",
    "jobs",
    "key",
    "matrix",
    "max_items",
    "parallel",
    "range",
];

/// What may tell the items.
const SOURCES: &str = "`items`, `glob`, `range`, `command`, `from`, `each` or `matrix`";

const DEFAULT_VARIABLE: &str = "item";
const DEFAULT_MOST_ITEMS: usize = 1000;

/// Reads it. Of one that is wrong, nobody knows the items, so that what names them is not reported as well.
pub(super) fn read(reader: &mut Reader<'_>, field: Field<'_>, node: &Node<'_>) -> Foreach {
    let Owner::Task(task) = field.owner else { unreachable!("bug: a foreach outside a task") };
    let map = reader.map(field, node, &meant(node));
    map.and_then(|map| reader.foreach(task, map, node.span)).unwrap_or_else(|| unknown(node.span))
}

/// A foreach whose items only a command knows.
fn unknown(span: Span) -> Foreach {
    Foreach {
        span,
        source: ForeachSource::Command(Spanned::new(String::new(), span)),
        variable: Spanned::new(DEFAULT_VARIABLE.to_owned(), span),
        has_own_variable: false,
        is_parallel: true,
        max_items: DEFAULT_MOST_ITEMS,
        jobs: None,
        is_buffered: false,
        is_fail_fast: false,
        key: None,
    }
}

/// What was probably meant by a `foreach` that is no map.
fn meant(node: &Node<'_>) -> String {
    let source = match (&node.kind, node.scalar()) {
        (NodeKind::List(_), _) => "items: [a, b]".to_owned(),
        (_, Some(text)) if text.contains(['*', '?']) => format!("glob: {text}"),
        (_, Some(text)) if text.contains("..") => format!("range: {text}"),
        (_, Some(text)) if text.contains('.') && !text.contains(char::is_whitespace) => {
            format!("from: {text}")
        }
        _ => {
            return format!(
                "write `foreach:`, then on the next line, indented, one of {SOURCES}, as in `items: [a, b]`"
            );
        }
    };
    format!("write `foreach: {{{source}}}`")
}

impl Reader<'_> {
    fn foreach(&mut self, task: &str, map: &Mapping<'_>, span: Span) -> Option<Foreach> {
        let owner = Owner::Foreach(task);
        let mut sources: Vec<(&str, Span)> = Vec::new();
        let mut source = None;
        let mut variable = Spanned::new(DEFAULT_VARIABLE.to_owned(), span);
        let mut is_parallel = true;
        let mut serial_span = None;
        let mut max_items = DEFAULT_MOST_ITEMS;
        let mut jobs = None;
        let mut jobs_span = None;
        let mut is_buffered = false;
        let mut is_fail_fast = false;
        let mut has_own_variable = false;
        let mut key_field: Option<(Span, Spanned<String>)> = None;
        let (mut exclude, mut include) = (None, None);
        for (key, node) in map.iter() {
            let field = Field { key: key.text, owner };
            if node.is_null() && KEYS.contains(&key.text) {
                continue;
            }
            match key.text {
                "items" | "glob" | "range" | "command" | "from" | "each" | "matrix" => {
                    sources.push((key.text, key.span));
                    source = self.foreach_source(field, node);
                }
                "as" => {
                    if let Some(name) = self.foreach_variable(field, node) {
                        variable = name;
                        has_own_variable = true;
                    }
                }
                "key" => key_field = self.filled_text(field, node).map(|name| (key.span, name)),
                "exclude" => exclude = Some((key.span, self.combinations(field, node))),
                "include" => include = Some((key.span, self.combinations(field, node))),
                "fail_fast" => is_fail_fast = self.truth(field, node).unwrap_or(false),
                "parallel" => {
                    if self.truth(field, node) == Some(false) {
                        is_parallel = false;
                        serial_span = Some(key.span);
                    }
                }
                "max_items" => {
                    if let Some(most) = self.number(field, node, 1) {
                        max_items = most as usize;
                    }
                }
                "jobs" => {
                    jobs_span = Some(key.span);
                    jobs = match node.scalar() {
                        Some("all") => Some(ForeachJobs::All),
                        _ => self.number(field, node, 1).map(|most| ForeachJobs::Most(most as usize)),
                    };
                }
                "buffer" => is_buffered = self.truth(field, node).unwrap_or(false),
                _ => self.unknown_key(key, owner, KEYS, foreign::meant(owner, key.text)),
            }
        }
        if let (Some(serial), Some(jobs)) = (serial_span, jobs_span) {
            let message = format!("{owner} has both `parallel: false` and `jobs`");
            let wrong = self
                .error(Code::Contradiction, message, jobs, "several at a time")
                .at(self.source, serial, "one at a time")
                .help("remove one of them");
            self.tell(wrong);
        }
        match sources.as_slice() {
            [_] => {}
            [] => {
                let message = format!("{owner} has no items");
                let wrong = self
                    .error(
                        Code::MissingKey,
                        message,
                        span,
                        format!("one of {SOURCES} is missing"),
                    )
                    .help("write `items: [a, b]`, `glob: PATTERN`, `range: 1..10`, `command: COMMAND` or `from: TASK.KEY`");
                self.tell(wrong);
            }
            [(_, first), others @ ..] => {
                let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
                let message = format!("{owner} has more than one source: {}", listed(&names));
                let mut wrong = self.error(Code::Contradiction, message, *first, "one source");
                for (_, span) in others {
                    wrong = wrong.at(self.source, *span, "another source");
                }
                self.tell(wrong.help("keep one of them"));
            }
        }
        let mut source = source.filter(|_| sources.len() == 1)?;
        for (name, found) in [("exclude", &exclude), ("include", &include)] {
            if let Some((span, _)) = found
                && !matches!(source, ForeachSource::Matrix(_))
            {
                let message = format!("{owner} has `{name}` but no `matrix`");
                let wrong = self.error(Code::Contradiction, message, *span, "only a matrix has combinations");
                self.tell(wrong.help("remove it, or write the lists under `matrix`"));
            }
        }
        if let Some((span, _)) = &key_field
            && !matches!(source, ForeachSource::From(_))
        {
            let message = format!("{owner} has `key` but no `from`");
            let wrong = self.error(Code::Contradiction, message, *span, "only objects in data have fields");
            self.tell(wrong.help("remove it"));
        }
        if let ForeachSource::Matrix(matrix) = &mut source {
            matrix.exclude = exclude.map(|(_, found)| found).unwrap_or_default();
            matrix.include = include.map(|(_, found)| found).unwrap_or_default();
            self.excluded_axes(owner, matrix);
        }
        let key = key_field.map(|(_, name)| name);
        Some(Foreach {
            span,
            source,
            variable,
            has_own_variable,
            is_parallel,
            max_items,
            jobs,
            is_buffered,
            is_fail_fast,
            key,
        })
    }

    /// A name in `exclude` that no axis has excludes nothing.
    fn excluded_axes(&mut self, owner: Owner<'_>, matrix: &Matrix) {
        let axes: Vec<&str> = matrix.axes.iter().map(|axis| axis.name.value.as_str()).collect();
        for (name, _) in matrix.exclude.iter().flatten() {
            if !axes.contains(&name.value.as_str()) {
                let message =
                    format!("`exclude` in {owner} names `{}`, which is not in the matrix", name.value);
                let wrong = self.error(Code::UnknownKey, message, name.span, "no such list in the matrix");
                let near = crate::name::similar(&name.value, axes.iter().copied(), 3);
                let wrong = wrong.did_you_mean(&near).note(format!("the matrix has {}", listed(&axes)));
                self.tell(wrong);
            }
        }
    }

    fn foreach_source(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ForeachSource> {
        match field.key {
            // Whether each makes a name of its own is the plan's business, like all that is wrong with one foreach.
            "items" => {
                let items = self.texts(field, node, TEXTS);
                matches!(node.kind, NodeKind::List(_)).then_some(ForeachSource::Items(items))
            }
            "glob" => {
                let pattern = self.filled_text(field, node)?;
                self.pattern(field, &pattern);
                Some(ForeachSource::Glob(pattern))
            }
            "command" => self.filled_text(field, node).map(ForeachSource::Command),
            "from" => self.data_path(field, node).map(ForeachSource::From),
            "each" => self.filled_text(field, node).map(ForeachSource::Each),
            "matrix" => self.matrix(field, node),
            _ => self.foreach_range(field, node),
        }
    }

    /// `task.key`; which of its dots is the one between them shows when all tasks are known.
    fn data_path(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<DataPath> {
        let text = self.filled_text(field, node)?;
        let Some((task, key)) =
            text.value.split_once('.').filter(|(task, key)| !task.is_empty() && !key.is_empty())
        else {
            let message = format!("{field} must be a task and one of its keys, such as `list.files`");
            let wrong = self.error(Code::BadValue, message, text.span, "not `TASK.KEY`");
            self.tell(wrong);
            return None;
        };
        let (task, key) = (task.to_owned(), key.to_owned());
        Some(DataPath { text, task, key, is_of_files: false })
    }

    fn matrix(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ForeachSource> {
        let help = "write `matrix: {os: [linux, mac], version: [1, 2]}`";
        let map = self.map(field, node, help)?;
        let mut axes = Vec::new();
        for (key, node) in map.iter() {
            let axis = Field { key: key.text, owner: field.owner };
            if ["exclude", "include"].contains(&key.text) && node.list_of_maps() {
                let message = format!("`{}` goes beside `matrix`, not into it", key.text);
                let wrong = self.error(Code::UnknownKey, message, key.span, "one level too deep");
                self.tell(wrong.help(format!("move `{}` out of `matrix`", key.text)));
                continue;
            }
            self.axis_name(axis, key.text, key.span);
            let values = match node.path_of_from() {
                Some(path) => self.data_path(axis, path).map(AxisValues::From),
                None => self
                    .list(axis, node, TEXTS)
                    .is_some()
                    .then(|| self.texts(axis, node, TEXTS))
                    .map(AxisValues::Listed),
            };
            if let Some(values) = values {
                axes.push(Axis { name: Spanned::new(key.text.to_owned(), key.span), values });
            }
        }
        if map.len() == 0 {
            self.bad_value(field, node.span, "a map of lists", "this is empty");
            return None;
        }
        Some(ForeachSource::Matrix(Box::new(Matrix { axes, exclude: Vec::new(), include: Vec::new() })))
    }

    /// No two variables of a job have one name.
    pub(super) fn variables_of_items(&mut self, task: &Task, foreach: &Foreach) {
        let own = &foreach.variable;
        let matrix = match &foreach.source {
            // Its variables are those of the task that it follows, which are known later.
            ForeachSource::Each(_) if !foreach.has_own_variable => return,
            ForeachSource::Matrix(matrix) => Some(matrix),
            _ => None,
        };
        for axis in matrix.iter().flat_map(|matrix| matrix.variables()).filter(|axis| axis.value == own.value)
        {
            let name = &own.value;
            let message =
                format!("the matrix of task `{}` has a list called `{name}`, like its item", task.name);
            let wrong = self
                .error(Code::NameClash, message, axis.span, "choose another name")
                .note(format!("`{name}` holds the name of the combination"))
                .help("rename the list, or give the item another name: `as: NAME`");
            self.tell(wrong);
        }
        let lists = matrix.iter().flat_map(|matrix| matrix.axes.iter().map(|axis| &axis.name));
        let all: Vec<Spanned<String>> = std::iter::once(own).chain(lists).cloned().collect();
        for variable in &all {
            self.beside_params(task, variable);
        }
    }

    /// A parameter may not have the name of a variable of the item.
    pub(super) fn beside_params(&mut self, task: &Task, variable: &Spanned<String>) {
        let wrong = super::check::is_parameter_too(task, variable, self.source);
        wrong.into_iter().for_each(|wrong| self.tell(wrong));
    }

    fn axis_name(&mut self, field: Field<'_>, name: &str, span: Span) {
        let why = match ParamName::new(name) {
            Ok(parsed) if parsed.as_str() == name => return,
            Ok(_) => "contains `-`, which variables cannot".to_owned(),
            Err(why) => why.to_string(),
        };
        let message = format!("the variable `{name}` in {} {why}", field.owner);
        let wrong = self.error(Code::BadName, message, span, "choose another name");
        self.tell(wrong);
    }

    fn combinations(&mut self, field: Field<'_>, node: &Node<'_>) -> Vec<Combination> {
        let what = Entries { all: "a list of maps", each: "a map of names to values" };
        let Some(entries) = self.list(field, node, what) else { return Vec::new() };
        let mut combinations = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(map) = self.map(field, entry, "write `- {os: linux, version: 2}`") else { continue };
            let mut combination = Vec::with_capacity(map.len());
            for (key, value) in map.iter() {
                let axis = Field { key: key.text, owner: field.owner };
                if field.key == "include" {
                    self.axis_name(axis, key.text, key.span);
                }
                if let Some(text) = self.text(axis, value) {
                    combination.push((Spanned::new(key.text.to_owned(), key.span), text.value));
                }
            }
            combinations.push(combination);
        }
        combinations
    }

    fn foreach_range(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<ForeachSource> {
        match node.scalar().and_then(range_of) {
            Some((first, last)) if first <= last => {
                Some(ForeachSource::Range { first, last, span: node.span })
            }
            Some((first, last)) => {
                let message = format!("{field} counts down, but ranges count up");
                let wrong = self
                    .error(Code::BadValue, message, node.span, format!("{first} is greater than {last}"))
                    .help(format!("write `{last}..{first}`, or list the `items` in the order you want"));
                self.tell(wrong);
                None
            }
            None => {
                let text = node.scalar().unwrap_or_default();
                let has_only_numbers = !text.is_empty()
                    && text.bytes().all(|byte| byte.is_ascii_digit() || b"-. ".contains(&byte));
                let label = match has_only_numbers && text.len() > 18 {
                    true => "the number is too large",
                    false => "not a valid range",
                };
                let message = format!("{field} must be two whole numbers, such as `1..10`");
                let wrong = self
                    .error(Code::BadValue, message, node.span, label)
                    .note("both ends are included; `1-10` means the same");
                self.tell(wrong);
                None
            }
        }
    }

    fn foreach_variable(&mut self, field: Field<'_>, node: &Node<'_>) -> Option<Spanned<String>> {
        let text = self.filled_text(field, node)?;
        match ParamName::new(&text.value) {
            Ok(name) if name.as_str() == text.value => Some(text),
            Ok(name) => {
                let message = format!("{field} must be a variable name, which cannot contain `-`");
                let wrong = self
                    .error(Code::BadName, message, node.span, "not a variable name")
                    .help(format!("write `as: {name}`"));
                self.tell(wrong);
                None
            }
            Err(why) => {
                let message = format!("the variable `{}` in {} {why}", text.value, field.owner);
                let wrong = self.error(Code::BadName, message, node.span, "choose another name");
                self.tell(wrong);
                None
            }
        }
    }
}

impl Node<'_> {
    /// The path in `{from: …}`.
    fn path_of_from(&self) -> Option<&Node<'_>> {
        match &self.kind {
            NodeKind::Map(map) if map.len() == 1 => map.get("from").map(|(_, node)| node),
            _ => None,
        }
    }

    fn list_of_maps(&self) -> bool {
        matches!(&self.kind, NodeKind::List(items) if items.iter().all(|item| matches!(item.kind, NodeKind::Map(_))))
    }
}

/// `1..10` or `1-10`, both ends included; either end may be negative.
fn range_of(text: &str) -> Option<(i64, i64)> {
    let (first, last) = match text.split_once("..") {
        Some(ends) => ends,
        None => {
            // The first `-` behind a digit divides; one before it is a sign.
            let digit = text.find(|character: char| character.is_ascii_digit())?;
            let dash = digit + text[digit..].find('-')?;
            (&text[..dash], &text[dash + 1..])
        }
    };
    let number = |text: &str| {
        let text = text.trim();
        let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    Some((number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_both_spellings_with_signs() {
        assert_eq!(range_of("1..10"), Some((1, 10)));
        assert_eq!(range_of("1-10"), Some((1, 10)));
        assert_eq!(range_of("08-11"), Some((8, 11)));
        assert_eq!(range_of(" 1 .. 3 "), Some((1, 3)));
        assert_eq!(range_of("-3..3"), Some((-3, 3)));
        assert_eq!(range_of("-3-3"), Some((-3, 3)));
        assert_eq!(range_of("-3--1"), Some((-3, -1)));
        assert_eq!(range_of("10..1"), Some((10, 1)));
        assert_eq!(range_of("0..9223372036854775807"), Some((0, i64::MAX)));
        for wrong in [
            "",
            "1",
            "..",
            "1..",
            "..3",
            "-",
            "a..b",
            "1...3",
            "1..3..5",
            "1.5..2",
            "+1..2",
            "1..99999999999999999999",
        ] {
            assert_eq!(range_of(wrong), None, "{wrong}");
        }
    }
}
