//! Finds outputs that are set where bash loses them: in a subshell, a pipeline, a background job.
//! Pure: looks at the text of a body, before anything runs.

use super::Place;
use super::grammar::{self, Command, Commands, Copy};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::TaskName;
use crate::ottofile::spec::Body;
use crate::source::SourceFile;

/// Warnings about one bash body, in the order of its lines.
pub(crate) fn warnings(body: &Body, task: &TaskName, source: &SourceFile) -> Vec<Diagnostic> {
    if !body.text.contains("OUTPUT") {
        return Vec::new();
    }
    lost(&body.text)
        .into_iter()
        .map(|lost| {
            let what = match &lost.function {
                Some(name) => {
                    format!("`{name}`, which sets `{}`, is called {}", lost.target, place(lost.copy))
                }
                None => format!("`{}` is set {}", lost.target, place(lost.copy)),
            };
            Diagnostic::warning(Code::LostOutput, format!("{what} in task `{task}`: the value will be lost"))
                .at(
                    source,
                    Place::of(body, source).span(lost.range.clone()),
                    "bash runs this in a copy of the shell",
                )
                .help(remedy(&lost))
        })
        .collect()
}

/// An assignment that the script's own shell never sees.
pub(crate) struct Lost {
    pub(crate) range: std::ops::Range<usize>,
    /// `OUTPUT[key]`, as written.
    pub(crate) target: String,
    copy: Copy,
    /// The assignment is in this function; `range` is its call.
    function: Option<String>,
}

/// Every assignment in a text that is lost, in the order of the commands.
pub(crate) fn lost(text: &str) -> Vec<Lost> {
    let found = grammar::commands(text);
    let mut lost = Vec::new();
    // What each function sets in the shell that calls it, calls of further functions included.
    let mut sets: Vec<Option<String>> = vec![None; found.functions.len()];
    loop {
        let mut is_settled = true;
        for command in found.commands.iter().filter(|command| command.copy.is_none()) {
            let Some(function) = command.function.filter(|function| sets[*function].is_none()) else {
                continue;
            };
            let target = target_of(text, command).map(|(_, target)| target);
            sets[function] =
                target.or_else(|| called(text, command, &found, &sets).map(|(_, target)| target));
            is_settled &= sets[function].is_none();
        }
        if is_settled {
            break;
        }
    }
    for command in &found.commands {
        let Some(copy) = command.copy else { continue };
        if let Some((range, target)) = target_of(text, command) {
            lost.push(Lost { range, target, copy, function: None });
        } else if let Some((name, target)) = called(text, command, &found, &sets) {
            let range =
                command.words.iter().find(|word| text[(*word).clone()] == name).cloned().unwrap_or_default();
            lost.push(Lost { range, target, copy, function: Some(name) });
        }
    }
    lost
}

/// Which key of OUTPUT a command sets, and the word that says so.
fn target_of(text: &str, command: &Command) -> Option<(std::ops::Range<usize>, String)> {
    let mut words = command.words.iter().map(|range| (range.clone(), &text[range.clone()]));
    let assignments = words.clone().take_while(|(_, word)| grammar::is_assignment(word));
    let count = assignments.count();
    let is_whole = count == command.words.len();
    // `OUTPUT[k]=v command` sets nothing that lasts.
    if is_whole {
        return words.find_map(|(range, word)| Some((range, output_target(word)?)));
    }
    let mut words = words.skip(count);
    let (_, name) = words.next()?;
    match name {
        // Assignments as arguments; `local` and `declare` in a function make another variable, but of the subscript form
        // there is no local one.
        "declare" | "typeset" | "export" => {
            words.find_map(|(range, word)| Some((range, output_target(word)?)))
        }
        "read" | "mapfile" | "readarray" => words.find_map(|(range, word)| {
            let bare = word.trim_matches(['"', '\'']);
            (bare.starts_with("OUTPUT[") || bare == "OUTPUT").then(|| (range, bare.to_owned()))
        }),
        "printf" => {
            let (_, flag) = words.next()?;
            let (range, word) = words.next()?;
            let bare = word.trim_matches(['"', '\'']);
            (flag == "-v" && bare.starts_with("OUTPUT[")).then(|| (range, bare.to_owned()))
        }
        _ => None,
    }
}

/// `OUTPUT[key]` of `OUTPUT[key]=value`, `OUTPUT` of `OUTPUT+=(…)`.
fn output_target(word: &str) -> Option<String> {
    let rest = word.strip_prefix("OUTPUT")?;
    if rest.starts_with("+=(") || rest.starts_with("=(") {
        return Some("OUTPUT".to_owned());
    }
    let end = rest.find("]=").or_else(|| rest.find("]+="))?;
    rest.starts_with('[').then(|| format!("OUTPUT{}", &rest[..=end]))
}

/// The function that a command calls and what that function sets.
fn called(
    text: &str,
    command: &Command,
    found: &Commands,
    sets: &[Option<String>],
) -> Option<(String, String)> {
    let name =
        command.words.iter().map(|word| &text[word.clone()]).find(|word| !grammar::is_assignment(word))?;
    let place = found.functions.iter().rposition(|function| function == name)?;
    Some((name.to_owned(), sets[place].clone()?))
}

fn place(copy: Copy) -> &'static str {
    match copy {
        Copy::Subshell => "in a subshell",
        Copy::Substitution => "in a command substitution",
        Copy::Process => "in a process substitution",
        Copy::Pipeline => "in a pipeline",
        Copy::Background => "in a background job",
        Copy::Coproc => "in a coprocess",
    }
}

fn remedy(lost: &Lost) -> String {
    let key = lost.target.strip_prefix("OUTPUT[").and_then(|rest| rest.strip_suffix(']')).unwrap_or("KEY");
    let set = format!("use `otto.set {key} VALUE`, which works everywhere");
    match lost.copy {
        Copy::Pipeline => format!("{set}, or `while …; done < <(command)` instead of the pipe"),
        _ => set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let lines = lost(text).into_iter().map(|lost| {
            let line = text[..lost.range.start].lines().count().max(1);
            let function = lost.function.map_or(String::new(), |name| format!(" by {name}"));
            format!("{}: {} {}{function}", line, lost.target, place(lost.copy))
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Row 52: every construct that runs in a copy of the shell.
    #[test]
    fn every_lost_assignment_is_told() {
        let cases = [
            ("( OUTPUT[k]=v )", "in a subshell"),
            ("x=$(OUTPUT[k]=v)", "in a command substitution"),
            ("x=`OUTPUT[k]=v`", "in a command substitution"),
            ("echo \"$(OUTPUT[k]=v)\"", "in a command substitution"),
            ("cat f | while read -r l; do OUTPUT[k]=$l; done", "in a pipeline"),
            ("OUTPUT[k]=1 | cat", "in a pipeline"),
            ("{ OUTPUT[k]=v; } &", "in a background job"),
            ("OUTPUT[k]=v & wait", "in a background job"),
            ("coproc { OUTPUT[k]=v; }", "in a coprocess"),
            ("cat <(OUTPUT[k]=v)", "in a process substitution"),
            ("tee >(OUTPUT[k]=v) < f", "in a process substitution"),
            ("( OUTPUT[k]+=v )", "in a subshell"),
            ("( printf -v 'OUTPUT[k]' %s v )", "in a subshell"),
            ("echo v | read -r 'OUTPUT[k]'", "in a pipeline"),
            ("( if a; then case b in c) OUTPUT[k]=v;; esac; fi )", "in a subshell"),
            ("cat <<E\n$(OUTPUT[k]=v)\nE", "in a command substitution"),
            ("for f in *; do ( cd $f; OUTPUT[k]=v ); done", "in a subshell"),
            ("if ( OUTPUT[k]=v ); then a; fi", "in a subshell"),
            ("(OUTPUT[k]=v)", "in a subshell"),
            ("a && ( b || OUTPUT[k]=v ) 2>&1", "in a subshell"),
            ("f() ( OUTPUT[k]=v )", "in a subshell"),
            ("f() { ( OUTPUT[k]=v ); }", "in a subshell"),
            ("find . | while read x; do if y; then OUTPUT[k]=v; fi; done | sort", "in a pipeline"),
        ];
        for (text, place) in cases {
            let told = told(text);
            assert!(told.contains("OUTPUT[k]") && told.ends_with(place), "{text}: {told:?}");
        }
        assert_eq!(told("f() { OUTPUT[k]=v; }\na | f"), "2: OUTPUT[k] in a pipeline by f");
        assert_eq!(
            told("f() { OUTPUT[k]=v; }; g() { f; }\nx=$(g)"),
            "2: OUTPUT[k] in a command substitution by g"
        );
        assert_eq!(told("( OUTPUT+=([a]=1) )"), "1: OUTPUT in a subshell");
        assert_eq!(told("( OUTPUT[a b]=1 )"), "1: OUTPUT[a b] in a subshell");
    }

    /// Rows 54 and 58.
    #[test]
    fn what_is_not_lost_is_not_told() {
        for text in [
            "OUTPUT[k]=v",
            "while read -r l; do OUTPUT[k]=$l; done < <(cmd)",
            "shopt -s lastpipe; cmd | while read -r l; do OUTPUT[k]=$l; done",
            "echo \"( OUTPUT[k]=1 )\"",
            "echo '( OUTPUT[k]=1 )'",
            "# ( OUTPUT[k]=1 )",
            "cat <<'E'\n$( OUTPUT[k]=1 )\nE",
            "cat <<E\n( OUTPUT[k]=1 )\nE",
            "( otto.set k v )",
            "( MY_OUTPUT[k]=v )",
            "( echo \"${OUTPUT[k]}\" )",
            "f() { OUTPUT[k]=v; }\nf",
            "f() { OUTPUT[k]=v; }\n( other )",
            "{ OUTPUT[k]=v; } > log",
            "if a | b; then OUTPUT[k]=v; fi",
            "a | b\nOUTPUT[k]=v",
            "a & OUTPUT[k]=v",
            "x=$(a) OUTPUT[k]=v",
            "OUTPUT[k]=$(a | b)",
            "OUTPUT[k]=\"$( ( c ) )\"",
            "(( x = 1 )); OUTPUT[k]=v",
            "case $x in (a) OUTPUT[k]=v;; esac",
            "echo OUTPUT[k]=v | cat",
            "x=$((1 + (2))); OUTPUT[k]=v",
            "[[ $x =~ ^(a|b)$ ]] && OUTPUT[k]=v",
            "a=(b c); OUTPUT[k]=v",
        ] {
            assert_eq!(told(text), "", "{text}");
        }
    }
}
