//! What an `if` should not do: decide nothing, or set outputs.

use super::DataFlow;
use crate::body::uses::{self, Uses};
use crate::body::{Language, condition_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::spec::Body;

impl DataFlow<'_> {
    pub(super) fn condition(&self, place: usize) -> Vec<Diagnostic> {
        let task = self.task(place);
        let Some(condition) = condition_of(task) else { return Vec::new() };
        let name = &task.name;
        let mut found = Vec::new();
        let text = condition.text.as_str();
        if uses::is_constant(&condition) {
            let start = text.len() - text.trim_start().len();
            let message = format!("the `if` of `{name}` is always the same");
            let diagnostic = Diagnostic::warning(Code::ConstantCondition, message).help(remedy(&condition));
            let label = "nothing in it can change".to_owned();
            found.extend(self.finding(diagnostic, &condition, &(start..text.trim_end().len()), start, label));
        }
        let uses = Uses::of_condition(&condition);
        for set in &uses.sets {
            let what = if set.is_export { set.key.clone() } else { format!("OUTPUT[{}]", set.key) };
            let message = format!("`{what}` is set in the `if` of `{name}`: the value will be lost");
            let diagnostic = Diagnostic::warning(Code::LostOutput, message)
                .help("an `if` only decides; set outputs in the script");
            let label = "this is not recorded".to_owned();
            found.extend(self.finding(diagnostic, &condition, &set.range, set.anchor, label));
        }
        found
    }
}

/// What the `if` may have meant.
fn remedy(condition: &Body) -> String {
    let text = condition.text.as_str();
    if Language::of(condition) == Language::Python {
        return "read a value, as in `INPUT[\"task.key\"] == \"yes\"`".to_owned();
    }
    let name = ["INPUT[", "OUTCOME["].into_iter().find_map(|name| text.find(name));
    match name.and_then(|start| text[start..].split_once(']')) {
        Some((read, _)) => format!("to read the value, write `\"${{{read}]}}\"`"),
        None => "read a value, as in `[ \"${INPUT[task.key]}\" = yes ]`".to_owned(),
    }
}
