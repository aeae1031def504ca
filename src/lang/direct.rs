//! `$(otto_get_input build.version)` starts a copy of the shell to print what the shell already holds. Where the text says
//! plainly which key it means, and the value is known to be there, `${INPUT[build.version]}` stands in its place.
//! Pure: text and inputs in, text out. Lines keep their numbers.

use super::Input;
use crate::body::grammar;
use crate::value::Value;

/// The text with its plain reads made direct; `None` if it has none.
pub(super) fn direct(text: &str, inputs: &[Input]) -> Option<String> {
    const NAMES: [&str; 3] = ["otto_get_input", "otto_get", "otto.get"];
    if inputs.is_empty() || !text.contains("$(") || defines(text, &NAMES) {
        return None;
    }
    let mut reads: Vec<(std::ops::Range<usize>, &str)> = Vec::new();
    for range in grammar::commands(text).substitutions {
        let Some(inside) =
            text.get(range.clone()).and_then(|whole| whole.strip_prefix("$(")?.strip_suffix(')'))
        else {
            continue;
        };
        let mut words = inside.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(name), Some(key), None) = (words.next(), words.next(), words.next()) else { continue };
        let key = unquoted(key);
        if NAMES.contains(&name) && is_plain(key) && reads_the_same(key, inputs) {
            reads.push((range, key));
        }
    }
    if reads.is_empty() {
        return None;
    }
    reads.sort_by_key(|(range, _)| range.start);
    let mut changed = String::with_capacity(text.len());
    let mut place = 0;
    for (range, key) in reads {
        changed.push_str(&text[place..range.start]);
        changed.push_str(&format!("${{INPUT[{key}]}}"));
        place = range.end;
    }
    changed.push_str(&text[place..]);
    Some(changed)
}

/// The body has a function of its own under one of these names.
fn defines(text: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        text.match_indices(name).any(|(start, _)| {
            let is_defined = text[start + name.len()..].trim_start_matches([' ', '\t']).starts_with('(');
            is_defined || text[..start].trim_end_matches([' ', '\t']).ends_with("function")
        })
    })
}

fn unquoted(word: &str) -> &str {
    let between = |quote: char| word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    between('"').or_else(|| between('\'')).unwrap_or(word)
}

/// Characters that mean only themselves, in a word and in a subscript.
fn is_plain(key: &str) -> bool {
    key.contains('.') && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-/%+".contains(&byte))
}

/// A substitution drops newlines at the end, so a value with one must go through it.
fn reads_the_same(key: &str, inputs: &[Input]) -> bool {
    let owners = inputs.iter().filter_map(|input| {
        let rest = key.strip_prefix(input.job.as_str())?.strip_prefix('.')?;
        crate::value::lookup(&input.outputs.values, rest)
    });
    // Of two dependencies that could be meant, the one that INPUT holds is not worth finding out.
    let mut owners = owners.take(2);
    let (Some(value), None) = (owners.next(), owners.next()) else { return false };
    match value.as_bytes() {
        Some(bytes) => !bytes.contains(&0) && !bytes.ends_with(b"\n"),
        // Nested ones beyond the limit of leaves are not loaded, so only what is one value.
        None => matches!(*value, Value::Number(_) | Value::Bool(_) | Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::super::harness::{Bench, given, input};
    use super::*;
    use proptest::prelude::*;

    fn inputs() -> Vec<Input> {
        vec![input("p", &[("k", "a b"), ("n", "x\n"), ("q", "it's *")])]
    }

    fn changed(text: &str) -> String {
        direct(text, &inputs()).unwrap_or_else(|| "-".to_owned())
    }

    #[test]
    fn plain_reads_become_direct() {
        assert_eq!(changed("x=$(otto_get_input p.k)"), "x=${INPUT[p.k]}");
        assert_eq!(
            changed("echo \"v: $( otto_get 'p.k' )\"; y=\"$(otto.get \"p.q\")\""),
            "echo \"v: ${INPUT[p.k]}\"; y=\"${INPUT[p.q]}\""
        );
        assert_eq!(changed("cat <<E\n$(otto_get_input p.k)\nE\n"), "cat <<E\n${INPUT[p.k]}\nE\n");
        assert_eq!(changed("x=$(echo $(otto_get_input p.k))"), "x=$(echo ${INPUT[p.k]})");
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in [
            "x=$(otto_get_input p.nosuch)",
            "x=$(otto_get_input p.n)",
            "x=$(otto_get_input p.k default)",
            "x=$(otto_get_input p.k || true)",
            "x=$(otto_get_input p.k 2>/dev/null)",
            "x=$(otto_get_input p.k | tr a b)",
            "x=$(otto_get_input \"p.$k\")",
            "x=`otto_get_input p.k`",
            "echo '$(otto_get_input p.k)' # $(otto_get_input p.k)",
            "cat <<'E'\n$(otto_get_input p.k)\nE\n",
            "otto_get_input() { echo mine; }; x=$(otto_get_input p.k)",
            "echo \\$(otto_get_input p.k)",
            "otto_get_input p.k",
        ] {
            assert_eq!(changed(text), "-", "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        /// A body prints the same and ends the same, direct or not.
        #[test]
        fn direct_reads_are_the_same_reads(pieces in prop::collection::vec(prop::sample::select(vec![
            "$(otto_get_input p.k)", "\"$(otto_get_input p.q)\"", "'$(otto_get_input p.k)'", "$(otto_get p.n)", "\\$(otto_get_input p.k)", "$(echo \"$(otto_get_input p.k)\")",
            "${x:-$(otto_get_input p.q)}", "\"a $(otto_get_input p.k) b\"", "$'$(otto_get_input p.k)'", "`otto_get_input p.k`", "$(( $(otto_get_input p.i) + 1 ))", "# $(otto_get_input p.k)", "\"", "'",
        ]), 1..6)) {
            let text = format!("x=; printf '[%s]\\n' {}\ny=$(otto_get_input p.k)\ncat <<E\n$(otto_get_input p.q)\nE\necho \"$y\"", pieces.join(" "));
            let values = vec![
                ("k".to_owned(), Value::String("a b".into())),
                ("n".to_owned(), Value::String("x\n".into())),
                ("q".to_owned(), Value::String("it's *".into())),
                ("i".to_owned(), Value::Number("41".into())),
            ];
            let run = |text: &str| Bench::bash(text).input(given("p", values.clone())).run();
            let (one, other) = (run(&text), run(&format!("{text}\n# INPUT[x]")));
            prop_assert_eq!((one.status, one.out()), (other.status, other.out()), "{}", text);
        }
    }
}
