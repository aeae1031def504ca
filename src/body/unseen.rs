//! What a service sets and does not save: others need it before the service ends.

use super::{Language, Place};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::TaskName;
use crate::ottofile::spec::Body;
use crate::source::SourceFile;
use std::ops::Range;

/// The words that save what was set before, in any language.
const SAVERS: &[&str] =
    &["otto.save", "otto_save", "otto_serialize_output", "otto.ready", "otto_ready", "OTTO_READY"];

/// Warns of each key that the body of a service sets where only its end would hand it over.
pub(crate) fn warnings(body: &Body, task: &TaskName, source: &SourceFile) -> Vec<Diagnostic> {
    let language = Language::of(body);
    let place = Place::of(body, source);
    let one = |(range, target): (Range<usize>, String)| {
        let key = target.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
        let key = key.map(|key| key.trim_matches(['"', '\'']));
        let message = format!("`{target}` is set in the service `{task}`, but never saved while it runs");
        let warning = Diagnostic::warning(Code::UnseenOutput, message).at(
            source,
            place.span(range),
            "tasks that use the service will not see it",
        );
        warning.help(match (language, key) {
            (Language::Bash, Some(key)) => {
                format!("use `otto.set {key} VALUE`, or call `otto.save` after it")
            }
            (Language::Bash | Language::Posix, _) => "call `otto_save` after it".to_owned(),
            (Language::Python, _) => "call `otto_ready()` or `otto_serialize_output()` after it".to_owned(),
            (Language::Other, _) => "write it to `$OTTO_OUTPUT_JSON` instead".to_owned(),
        })
    };
    unsaved(&body.text, language).into_iter().map(one).collect()
}

/// The places where outputs are set after the last word that saves.
fn unsaved(text: &str, language: Language) -> Vec<(Range<usize>, String)> {
    let saved = match language {
        Language::Bash | Language::Posix | Language::Python => {
            let places = SAVERS.iter().filter_map(|saver| text.rfind(saver));
            places.max().unwrap_or(0)
        }
        // Nothing saves there but the end.
        Language::Other => 0,
    };
    let mut found = Vec::new();
    let names: &[&str] = match language {
        Language::Bash => &["OUTPUT", "OTTO_OUTPUT"],
        Language::Python | Language::Other => &["OUTPUT"],
        Language::Posix => &[],
    };
    for name in names {
        for (start, _) in text.match_indices(name).filter(|(start, _)| *start >= saved) {
            let is_word = |character: char| character.is_alphanumeric() || character == '_';
            let rest = &text[start + name.len()..];
            let comment =
                text[..start].rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with('#'));
            if comment || text[..start].ends_with(is_word) || rest.starts_with(is_word) {
                continue;
            }
            let subscript =
                rest.strip_prefix('[').and_then(|inside| inside.find(']')).map_or(0, |end| end + 2);
            let after = rest[subscript..].trim_start_matches([' ', '\t']);
            let assigns = after.starts_with('=') && !after.starts_with("==") || after.starts_with("+=");
            if assigns && (subscript > 0 || after.starts_with("+=")) {
                let end = start + name.len() + subscript;
                found.push((start..end, text[start..end].to_owned()));
            }
        }
    }
    if matches!(language, Language::Bash | Language::Posix) {
        for (start, _) in text.match_indices("export OTTO_").filter(|(start, _)| *start >= saved) {
            let name = &text[start + "export ".len()..];
            let end = name.find(|character: char| !(character.is_alphanumeric() || character == '_'));
            let name = &name[..end.unwrap_or(name.len())];
            if !super::export::is_reserved(name) {
                found.push((start..start + "export ".len() + name.len(), name.to_owned()));
            }
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str, language: Language) -> Vec<String> {
        unsaved(text, language).into_iter().map(|(_, target)| target).collect()
    }

    #[test]
    fn what_is_set_after_the_last_call_that_saves_is_found() {
        use Language::*;
        let none: [&str; 0] = [];
        assert_eq!(targets("OUTPUT[port]=1\nexec db", Bash), ["OUTPUT[port]"]);
        assert_eq!(targets("OUTPUT[port]=1\notto.save\nexec db", Bash), none);
        assert_eq!(targets("OUTPUT[port]=1\notto.ready\nOUTPUT[late]+=x", Bash), ["OUTPUT[late]"]);
        assert_eq!(targets("OTTO_OUTPUT+=(a=1); export OTTO_B=2 OTTO_TASK", Bash), ["OTTO_OUTPUT", "OTTO_B"]);
        assert_eq!(targets("otto.set port 1; echo \"${OUTPUT[x]}\"; # OUTPUT[k]\nMYOUTPUT[k]=1", Bash), none);
        assert_eq!(targets("  # OUTPUT[k]=v\n[[ ${OUTPUT[k]} == v ]]", Bash), none);
        assert_eq!(targets("OUTPUT['port'] = 1\nserve()", Python), ["OUTPUT['port']"]);
        assert_eq!(targets("OUTPUT['port'] = 1\notto_ready()\nif OUTPUT['port'] == 1: pass", Python), none);
        assert_eq!(targets("export OTTO_A=1\notto_ready\nexport OTTO_C", Posix), ["OTTO_C"]);
        assert_eq!(targets("OUTPUT['port'] = 1; touch(ENV['OTTO_READY'])", Other), ["OUTPUT['port']"]);
    }
}
