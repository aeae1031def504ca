//! Finds outputs that are set where a shell loses them: in a subshell, a pipeline, a background job.
//! Pure: looks at the text of a body, before anything runs.

use super::effect::{Deed, Effect, EffectReader};
use super::grammar::{self, Copy};
use super::names::Names;
use super::{Language, Place, Shebang};
use crate::diagnostic::{Code, Diagnostic};
use crate::name::TaskName;
use crate::ottofile::spec::Body;
use crate::source::SourceFile;
use std::collections::HashSet;
use std::ops::Range;

/// The text of a file that a body loads, by the path that stands in the body; `None`: it cannot be read.
pub(crate) type Load<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Files that are read for one body.
const MOST_FILES: usize = 20;
/// What a loaded file is called among the functions, before its path.
const FILE: &str = "file:";

/// Warnings about one body in a shell, in the order of its lines.
pub(crate) fn warnings(body: &Body, task: &TaskName, source: &SourceFile, load: &Load) -> Vec<Diagnostic> {
    let shell = Shell::of(body);
    let warn = |lost: Lost| {
        let task = format!("in task `{task}`");
        Diagnostic::warning(Code::LostOutput, lost.message(&task))
            .at(source, Place::of(body, source).span(lost.range.clone()), lost.label(shell))
            .help(lost.remedy(shell))
    };
    lost(&body.text, shell, load).into_iter().map(warn).collect()
}

/// What the reader has to know of a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    /// Without arrays that are outputs: only exports may be lost.
    Posix {
        /// Runs the last part of a pipeline itself.
        has_lastpipe: bool,
    },
}

impl Shell {
    pub(crate) fn of(body: &Body) -> Shell {
        let name = Shebang::of(&body.text).map(|shebang| shebang.name().to_owned()).unwrap_or_default();
        match Language::of(body) {
            Language::Posix => Shell::Posix { has_lastpipe: name == "zsh" || name.starts_with("ksh") },
            Language::Bash | Language::Python | Language::Other => Shell::Bash,
        }
    }
}

/// Where an assignment is made that the script's own shell never sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Copy(Copy),
    /// In a variable OUTPUT of a function's own.
    Function,
}

/// An assignment that the script's own shell never sees.
pub(crate) struct Lost {
    /// The assignment, or the call of the function that makes it.
    pub(crate) range: Range<usize>,
    pub(crate) effect: Effect,
    place: Where,
    /// Which copy of the shell makes it; 0: none in the text of the body.
    instance: usize,
}

/// A text, and after it each file that it loads and each of its aliases, as functions: to load a file is to call it.
fn with_what_it_loads(text: &str, load: &Load) -> String {
    let mut whole = text.to_owned();
    let may_load = text.contains("source") || text.contains(". ") || text.contains("alias");
    if !may_load || grammar::end(text).is_unfinished {
        return whole;
    }
    let mut known: HashSet<String> = HashSet::new();
    while known.len() < MOST_FILES {
        let found = grammar::commands(&whole);
        let names = Names::of(&whole, &found);
        let mut more = String::new();
        for command in found.simple() {
            let words: Vec<&str> = command.words.iter().map(|word| &whole[word.clone()]).collect();
            let Some(verb) = words.iter().position(|word| !["command", "builtin", "--"].contains(word))
            else {
                continue;
            };
            let values = || words[verb + 1..].iter().flat_map(|word| names.expand(word));
            match words[verb] {
                "." | "source" => {
                    let path = values().find(|value| value != "--").unwrap_or_default();
                    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
                    if !path.is_empty() && path.chars().all(is_plain) && known.insert(path.clone()) {
                        let loaded = load(&path);
                        more.extend(loaded.map(|loaded| format!("\n{FILE}{path}() {{\n{loaded}\n}}\n")));
                    }
                }
                "alias" => {
                    let named = values().filter_map(|value| {
                        let (name, code) = value.split_once('=')?;
                        known.insert(name.to_owned()).then(|| format!("\n{name}() {{\n{code}\n}}\n"))
                    });
                    more.extend(named.collect::<Vec<_>>());
                }
                _ => {}
            }
        }
        if more.is_empty() {
            break;
        }
        whole += &more;
    }
    whole
}

/// Every assignment in a text that is lost, in the order of the commands.
pub(crate) fn lost(text: &str, shell: Shell, load: &Load) -> Vec<Lost> {
    let end = text.len();
    let whole = with_what_it_loads(text, load);
    let text = whole.as_str();
    // Quick: most bodies have nothing of the kind.
    if !["OUT", "PUT", "OTTO", "@U", "^"].iter().any(|part| text.contains(part)) {
        return Vec::new();
    }
    let found = match shell {
        Shell::Bash => grammar::commands(text),
        Shell::Posix { has_lastpipe } => grammar::commands_of(text, has_lastpipe),
    };
    let names = Names::of(text, &found);
    let reader = EffectReader { text, found: &found, names: &names, has_arrays: shell == Shell::Bash };
    let functions = reader.functions();
    let mut lost: Vec<Lost> = Vec::new();
    for command in &found.commands {
        let mut told = HashSet::new();
        for (range, deed) in reader.deeds(command, &functions) {
            let effect = match deed {
                Deed::Sets(effect) => effect,
                Deed::SetsArgument(_)
                | Deed::RunsArgument(_)
                | Deed::EvaluatesArgument(_)
                | Deed::GivesArgument(..) => continue,
            };
            let Some(copy) = command.copy.or(effect.copy) else { continue };
            // A function that takes an exported variable away loses nothing.
            if effect.is_unset && effect.function.is_some() && !effect.target.starts_with("OUTPUT") {
                continue;
            }
            if range.start < end && told.insert(effect.target.clone()) {
                let instance = command.instance;
                lost.push(Lost { range, effect, place: Where::Copy(copy), instance });
            }
        }
    }
    forget_what_is_unset(text, &mut lost);
    for function in 0..found.functions.len() {
        let Some(range) = reader.hiding(function) else { continue };
        let here = found.commands.iter().filter(|command| command.function == Some(function));
        let mut effects =
            here.flat_map(|command| reader.deeds(command, &functions)).filter_map(|(_, deed)| match deed {
                Deed::Sets(effect) if effect.target.starts_with("OUTPUT") => Some(effect),
                _ => None,
            });
        let word = &text[range.clone()];
        let is_filled = word.contains("([").then(|| Effect::of("OUTPUT"));
        if let Some(effect) = effects.next().or(is_filled) {
            let effect = Effect { function: Some(found.functions[function].clone()), ..effect };
            if range.start < end {
                lost.push(Lost { range, effect, place: Where::Function, instance: 0 });
            }
        }
    }
    lost
}

/// Drops what the same copy of the shell sets and then takes away, and what it sets a second time.
fn forget_what_is_unset(text: &str, lost: &mut Vec<Lost>) {
    let is_same = |one: &Lost, other: &Lost| {
        one.instance > 0 && one.instance == other.instance && one.effect.target == other.effect.target
    };
    let mut at = 0;
    while at < lost.len() {
        let before = (0..at).rev().find(|before| is_same(&lost[*before], &lost[at]));
        match before {
            Some(before) if lost[at].effect.is_unset && !lost[before].effect.is_unset => {
                if runs_through(&text[lost[before].range.end..lost[at].range.start]) {
                    lost.remove(at);
                    lost.remove(before);
                    at -= 1;
                    continue;
                }
                at += 1;
            }
            Some(before) if lost[before].effect == lost[at].effect => {
                lost.remove(at);
            }
            _ => at += 1,
        }
    }
    lost.retain(|lost| !lost.effect.is_unset || lost.effect.target.starts_with("OUTPUT"));
}

/// Whether whatever runs before this piece of text runs what comes after it too.
fn runs_through(between: &str) -> bool {
    let words = [
        "if", "then", "else", "elif", "fi", "case", "esac", "for", "while", "until", "select", "do", "done",
        "exit", "return", "exec", "break", "continue", "kill", "function", "eval", "trap",
    ];
    !between.contains(['&', '|', '(', ')', '`'])
        && !words.iter().any(|word| super::export::has_word(between, word))
}

impl Lost {
    fn message(&self, task: &str) -> String {
        let Effect { target, is_doubtful, is_unset, function, .. } = &self.effect;
        let place = match self.place {
            Where::Copy(copy) => place(copy),
            Where::Function => {
                let name = function.as_deref().unwrap_or("");
                return format!(
                    "`{name}` {task} has a variable `OUTPUT` of its own: `{target}` will be lost"
                );
            }
        };
        let may = if *is_doubtful { "may set" } else { "sets" };
        match (function, is_unset) {
            (Some(name), _) if name.starts_with(FILE) => {
                let path = &name[FILE.len()..];
                format!("`{path}`, which {may} `{target}`, is loaded {place} {task}: {}", self.fate())
            }
            (Some(name), _) => {
                format!("`{name}`, which {may} `{target}`, is called {place} {task}: {}", self.fate())
            }
            (None, true) => format!("`{target}` is unset {place} {task}: the task keeps its value"),
            (None, false) if *is_doubtful => format!("`{target}` may be set {place} {task}: {}", self.fate()),
            (None, false) => format!("`{target}` is set {place} {task}: {}", self.fate()),
        }
    }

    fn fate(&self) -> &'static str {
        match self.effect.is_doubtful {
            true => "the value would be lost",
            false => "the value will be lost",
        }
    }

    fn label(&self, shell: Shell) -> &'static str {
        match self.place {
            Where::Copy(_) if shell != Shell::Bash => "the shell runs this in a copy of itself",
            Where::Copy(_) => "bash runs this in a copy of the shell",
            Where::Function => "ends with the function",
        }
    }

    fn remedy(&self, shell: Shell) -> String {
        let name = if shell == Shell::Bash { "otto.set" } else { "otto_set" };
        let target = &self.effect.target;
        let key = target.strip_prefix("OUTPUT[").and_then(|rest| rest.strip_suffix(']'));
        let key = key.filter(|key| !key.contains('…')).unwrap_or("KEY");
        let set = format!("use `{name} {key} VALUE`, which works everywhere");
        match self.place {
            Where::Function => format!("leave out the declaration, or {set}"),
            Where::Copy(_) if self.effect.is_unset => "unset it in the main shell".to_owned(),
            Where::Copy(Copy::Pipeline) if shell == Shell::Bash => {
                format!("{set}, or `while …; done < <(command)` instead of the pipe")
            }
            Where::Copy(_) => set,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        told_in(text, Shell::Bash)
    }

    fn told_in(text: &str, shell: Shell) -> String {
        let load = |path: &str| match path {
            "./lib.sh" => Some("OUTPUT[lib]=1\nput() { OUTPUT[$1]=v; }\n. more.sh\n".to_owned()),
            "more.sh" => Some("export OTTO_MORE=1".to_owned()),
            "./venv/bin/activate" => Some("deactivate() { unset X; }\nexport PATH".to_owned()),
            _ => None,
        };
        let lines = lost(text, shell, &load).into_iter().map(|lost| {
            let line = text[..lost.range.start].matches('\n').count() + 1;
            let function = lost.effect.function.map_or(String::new(), |name| format!(" by {name}"));
            let place = match lost.place {
                Where::Copy(copy) => place(copy),
                Where::Function => "in a function",
            };
            let doubt = if lost.effect.is_doubtful { "perhaps " } else { "" };
            format!("{line}: {doubt}{} {place}{function}", lost.effect.target)
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
        // An option that is set in a copy of the shell, or too late.
        assert_eq!(
            told("a | while b; do shopt -s lastpipe; echo v | read 'OUTPUT[k]'; done"),
            "1: OUTPUT[k] in a pipeline"
        );
        assert_eq!(told("a | read 'OUTPUT[k]'\nshopt -s lastpipe"), "1: OUTPUT[k] in a pipeline");
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
            "f() { cmd | read -r 'OUTPUT[k]'; }; shopt -s lastpipe; f",
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

    /// All ways to set a value, each in a copy of the shell.
    #[test]
    fn every_way_to_set_an_output_is_seen() {
        let cases = [
            ("arithmetic", "( (( OUTPUT[k] += 1 )) || true )", "1: OUTPUT[k] in a subshell"),
            (
                "increment",
                "( ((OUTPUT[k]++)); ((--OUTPUT[j])) )",
                "1: OUTPUT[k] in a subshell; 1: OUTPUT[j] in a subshell",
            ),
            ("let", "a | while read -r x; do let \"OUTPUT[k]=1\"; done", "1: OUTPUT[k] in a pipeline"),
            (
                "arithmetic expansion",
                "x=$(echo $(( OUTPUT[k] = 1 )))",
                "1: OUTPUT[k] in a command substitution",
            ),
            ("old arithmetic expansion", "( : $[OUTPUT[k]=1] )", "1: OUTPUT[k] in a subshell"),
            ("arithmetic loop", "( for ((OUTPUT[k]=0; 0; )); do :; done )", "1: OUTPUT[k] in a subshell"),
            ("arithmetic value", "p='OUTPUT[k]=5'; ( : $((p)) )", "1: OUTPUT[k] in a subshell"),
            (
                "subscript",
                "( a[OUTPUT[k]=1]=x; : ${b[OUTPUT[j]=1]} ${c:OUTPUT[i]=1} )",
                "1: OUTPUT[k] in a subshell; 1: OUTPUT[j] in a subshell; 1: OUTPUT[i] in a subshell",
            ),
            ("integer", "( declare -i n='OUTPUT[k]=1' )", "1: OUTPUT[k] in a subshell"),
            ("comparison", "( [[ OUTPUT[k]=1 -eq 1 ]] )", "1: OUTPUT[k] in a subshell"),
            ("default", "( : \"${OUTPUT[k]:=v}\" )", "1: OUTPUT[k] in a subshell"),
            (
                "wrapped printf",
                "printf() { builtin printf my; builtin printf \"$@\"; }\n{ printf -v 'OUTPUT[k]' v; } & wait",
                "2: OUTPUT[k] in a background job by printf",
            ),
            (
                "wrapped twice",
                "put() { command printf \"$@\"; }; p() { put \"$@\"; }\n( p -v 'OUTPUT[k]' v; p 'OUTPUT[j]' )",
                "2: OUTPUT[k] in a subshell by p",
            ),
            (
                "wrapped export",
                "export() { builtin export \"$@\"; }\nx | export OTTO_A=1 B=2",
                "2: OTTO_A in a pipeline by export",
            ),
            ("wrapped let", "n() { let \"$@\"; }\n( n 'OUTPUT[k]=1' )", "2: OUTPUT[k] in a subshell by n"),
            ("default if unset", "cat <<E | cat\n${OUTPUT[k]=v}\nE", "2: OUTPUT[k] in a pipeline"),
            ("indirect default", "n='OUTPUT[k]'; ( : ${!n:=v} )", "1: OUTPUT[k] in a subshell"),
            ("declare", "( declare \"OUTPUT[k]=v\" )", "1: OUTPUT[k] in a subshell"),
            (
                "wrapped declare",
                "f() { declare -g \"$@\"; }\n( f 'OUTPUT[k]=v' )",
                "2: OUTPUT[k] in a subshell by f",
            ),
            (
                "a list of a function called declare",
                "declare() { builtin declare \"$@\"; }\n( declare -A OUTPUT+=([k]=v) )",
                "2: OUTPUT in a subshell",
            ),
            ("declare, global", "{ declare -g 'OUTPUT[k]'=v; } | cat", "1: OUTPUT[k] in a pipeline"),
            (
                "declare in a function",
                "f() { declare \"OUTPUT[k]=v\"; }; f",
                "1: OUTPUT[k] in a function by f",
            ),
            ("local in a function", "f() { local 'OUTPUT[k]=v'; }; f", "1: OUTPUT[k] in a function by f"),
            ("eval", "a | while read -r x; do eval \"OUTPUT[k]=$x\"; done", "1: OUTPUT[k] in a pipeline"),
            ("eval of pieces", "( eval \"OUT\"\"PUT[k]=v\" )", "1: OUTPUT[k] in a subshell"),
            ("eval of a variable", "c='OUTPUT[k]=v'; ( eval \"$c\" )", "1: OUTPUT[k] in a subshell"),
            ("eval that makes a copy", "eval '( OUTPUT[k]=v )'", "1: OUTPUT[k] in a subshell"),
            (
                "eval of what is read",
                "echo 'OUTPUT[k]=v' > f\n( eval \"$(cat f)\" )",
                "2: perhaps OUTPUT in a subshell",
            ),
            ("a variable as the command", "e=eval; ( $e 'OUTPUT[k]=v' )", "1: OUTPUT[k] in a subshell"),
            (
                "nameref",
                "put() { local -n m=OUTPUT; m[k]=v; }\na | while read -r x; do put; done",
                "2: OUTPUT[k] in a pipeline by put",
            ),
            (
                "nameref made of pieces",
                "n=OUT; n+=PUT; ( declare -n o=$n; o[k]=v )",
                "1: OUTPUT[k] in a subshell",
            ),
            (
                "nameref to a key",
                "( declare -n o='OUTPUT[k]'; o=v; ((o += 1)) )",
                "1: OUTPUT[k] in a subshell",
            ),
            (
                "nameref to an argument",
                "put() { local -n m=$1; m[k]=v; }; put OUTPUT | cat",
                "1: OUTPUT in a pipeline by put",
            ),
            (
                "nameref to an argument of pieces",
                "put() { local -n m=$1; m[k]=v; }; x=$(put \"OUT\"PUT)",
                "1: OUTPUT in a command substitution by put",
            ),
            (
                "nameref to what is read",
                "read -r n <<< OUTPUT; ( declare -n o=$n; o[k]=v )",
                "1: perhaps OUTPUT in a subshell",
            ),
            (
                "printf",
                "( printf -v OUTPUT[k] v; printf '-vOUTPUT[j]' v )",
                "1: OUTPUT[k] in a subshell; 1: OUTPUT[j] in a subshell",
            ),
            (
                "command and builtin",
                "( command printf -v 'OUTPUT[k]' v; builtin -- read -r 'OUTPUT[j]' )",
                "1: OUTPUT[k] in a subshell; 1: OUTPUT[j] in a subshell",
            ),
            (
                "pieces in read",
                "n=OUT; x=$( read -r \"${n}PUT[k]\" <<< v )",
                "1: OUTPUT[k] in a command substitution",
            ),
            (
                "mapfile with a function",
                "cb() { OUTPUT[k]=$2; }; ( mapfile -C cb -c 1 -t m < f )",
                "1: OUTPUT[k] in a subshell by cb",
            ),
            ("mapfile with code", "( mapfile -C 'OUTPUT[k]=1; :' -c 1 m < f )", "1: OUTPUT[k] in a subshell"),
            ("a descriptor", "( exec {OUTPUT[k]}<f )", "1: OUTPUT[k] in a subshell"),
            ("a trap", "( trap 'OUTPUT[k]=v' EXIT )", "1: OUTPUT[k] in a subshell"),
            ("a trap for DEBUG", "set -T; trap 'OUTPUT[k]=v' DEBUG; ( true )", "1: OUTPUT[k] in a subshell"),
            ("an expanded prompt", "p='$((OUTPUT[k]=4))'; ( : \"${p@P}\" )", "1: OUTPUT[k] in a subshell"),
            ("the list", "( OTTO_OUTPUT+=(\"k=v\") )", "1: OTTO_OUTPUT in a subshell"),
            ("unset", "OUTPUT[k]=v; ( unset 'OUTPUT[k]' )", "1: OUTPUT[k] in a subshell"),
            ("export", "( export OTTO_A=1 OTHER=2 )", "1: OTTO_A in a subshell"),
            ("declare -x", "x=$(declare -x OTTO_A=1)", "1: OTTO_A in a command substitution"),
            ("export after the fact", "( OTTO_A=1; export OTTO_A )", "1: OTTO_A in a subshell"),
            ("set -a", "a | { set -a; OTTO_A=1; }", "1: OTTO_A in a pipeline"),
            (
                "export of pieces",
                "n=OTTO; f() { export \"${n}_A=1\"; }; x=$(f)",
                "1: OTTO_A in a command substitution by f",
            ),
            ("export by a variable", "e=export; true | { $e OTTO_A=v; }", "1: OTTO_A in a pipeline"),
            (
                "a function's own OUTPUT",
                "f() { declare -A OUTPUT; OUTPUT[k]=v; }; f",
                "1: OUTPUT[k] in a function by f",
            ),
            (
                "a function's own OUTPUT, filled",
                "f() { local -A OUTPUT=([k]=v); }; f",
                "1: OUTPUT in a function by f",
            ),
        ];
        let wrong = cases.iter().filter_map(|(name, text, expected)| {
            let told = told(text);
            (told != *expected).then(|| format!("{name}: {text}\n  told: {told}\n  not:  {expected}\n"))
        });
        let wrong: Vec<String> = wrong.collect();
        assert!(wrong.is_empty(), "{}", wrong.concat());
    }

    /// All ways to get into a copy of the shell by a function.
    #[test]
    fn every_way_to_call_a_function_is_seen() {
        let f = "f() { OUTPUT[k]=v; echo hi; }\n";
        let cases = [
            ("f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("\"f\" | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("'f' x & wait", "2: OUTPUT[k] in a background job by f"),
            ("\\f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("c=f; $c | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("for c in f g; do \"$c\" & done", "2: perhaps OUTPUT[k] in a background job by f"),
            (
                "steps=(f g); for c in \"${steps[@]}\"; do \"$c\" & done",
                "2: perhaps OUTPUT[k] in a background job by f",
            ),
            ("run() { \"$@\"; }; run f | tee log", "2: OUTPUT[k] in a pipeline by f"),
            ("retry() { \"$@\" || \"$@\"; }; out=$(retry f)", "2: OUTPUT[k] in a command substitution by f"),
            (
                "retry() { n=$1; shift; \"$@\"; }; out=$(retry 3 f)",
                "2: OUTPUT[k] in a command substitution by f",
            ),
            ("run() { \"$@\" | tee log; }; run f", "2: OUTPUT[k] in a pipeline by f"),
            ("run() { $1 & }; run f", "2: OUTPUT[k] in a background job by f"),
            ("run() { \"$@\"; }; outer() { run \"$@\"; }; outer f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("run() { eval \"$1\"; }; run 'f x' | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("run() { \"$@\"; }; run declare 'OUTPUT[j]=v' | cat", "2: OUTPUT[j] in a pipeline"),
            ("A=1 f 2>&1 | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("! f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("time f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("( if f; then :; fi )", "2: OUTPUT[k] in a subshell by f"),
            ("( trap f EXIT )", "2: OUTPUT[k] in a subshell by f"),
            ("eval f | cat", "2: OUTPUT[k] in a pipeline by f"),
            ("x=`echo \\`f\\``", "2: OUTPUT[k] in a command substitution by f"),
            ("coproc f", "2: OUTPUT[k] in a coprocess by f"),
            ("cat <(f)", "2: OUTPUT[k] in a process substitution by f"),
        ];
        let wrong = cases.iter().filter_map(|(call, expected)| {
            let told = told(&format!("{f}{call}"));
            (told != *expected).then(|| format!("{call}\n  told: {told}\n  not:  {expected}\n"))
        });
        let wrong: Vec<String> = wrong.collect();
        assert!(wrong.is_empty(), "{}", wrong.concat());
        assert_eq!(told("x=`echo \\`OUTPUT[k]=v\\``"), "1: OUTPUT[k] in a command substitution");
        assert_eq!(told("x=`a \\`b \\\\\\`OUTPUT[k]=v\\\\\\`\\``"), "1: OUTPUT[k] in a command substitution");
    }

    #[test]
    fn files_that_a_copy_of_the_shell_loads_are_read() {
        let in_subshell = "1: OUTPUT[lib] in a subshell by file:./lib.sh";
        for text in
            ["( . ./lib.sh )", "( source ./lib.sh )", "( command . ./lib.sh )", "( f=./lib.sh; . \"$f\" )"]
        {
            assert_eq!(told(text), in_subshell, "{text}");
        }
        assert_eq!(told(". more.sh | cat"), "1: OTTO_MORE in a pipeline by file:more.sh");
        assert_eq!(told("f() { . more.sh; }; x=$(f)"), "1: OTTO_MORE in a command substitution by f");
        assert_eq!(told(". ./lib.sh; ( put k )"), "1: OUTPUT[$1] in a subshell by put");
        assert_eq!(
            told_in("( . more.sh )", Shell::Posix { has_lastpipe: false }),
            "1: OTTO_MORE in a subshell by file:more.sh"
        );
        assert_eq!(told(". ./lib.sh; put k; ( . ./venv/bin/activate; pytest )"), "");
        assert_eq!(told("( ./lib.sh ); ( bash ./lib.sh )"), "");
        assert_eq!(told("( . \"$unknown/lib.sh\"; . nothing.sh )"), "");
        assert_eq!(
            told("shopt -s expand_aliases\nalias put='OUTPUT[k]=v'\n( put )"),
            "3: OUTPUT[k] in a subshell by put"
        );
    }

    #[test]
    fn what_a_copy_of_the_shell_takes_away_again_is_not_lost() {
        assert_eq!(told("( OUTPUT[k]=v; tool; unset 'OUTPUT[k]' )"), "");
        assert_eq!(told("( OUTPUT[k]=1\nOUTPUT[k]=2; echo \"${OUTPUT[k]}\"\nunset OUTPUT[k] )"), "");
        assert_eq!(told("x=$(export OTTO_A=1; tool; unset OTTO_A)"), "");
        assert_eq!(told("( readonly OTTO_A=1; export OTTO_A; OTTO_A=2 )"), "1: OTTO_A in a subshell");
        assert_eq!(
            told("( OUTPUT[k]=v; exit; unset 'OUTPUT[k]' )"),
            "1: OUTPUT[k] in a subshell; 1: OUTPUT[k] in a subshell"
        );
        assert_eq!(
            told("( OUTPUT[k]=v; a && unset 'OUTPUT[k]' )"),
            "1: OUTPUT[k] in a subshell; 1: OUTPUT[k] in a subshell"
        );
        assert_eq!(
            told("( OUTPUT[k]=v ); ( unset 'OUTPUT[k]' )"),
            "1: OUTPUT[k] in a subshell; 1: OUTPUT[k] in a subshell"
        );
    }

    /// What looks like it and loses nothing.
    #[test]
    fn what_loses_nothing_is_silent() {
        let silent = [
            "( ((OUTPUT[k] == 1)) && echo \"$((OUTPUT[k] + 1))\" )",
            "n=$(( OUTPUT[k] = 1 ))",
            "( echo \"${OUTPUT[k]:-none}${OUTPUT[k]/=/-}${#OUTPUT[k]}${OUTPUT[k]#*=}${!OUTPUT[@]}\" )",
            "( echo \"${x:=OUTPUT[k]=v}\" )",
            "( [[ ${OUTPUT[k]} = v && ${#OUTPUT[k]} -eq 1 ]] )",
            "( [[ OUTPUT[k] -eq 1 ]] )",
            "out=$(f); f() { echo \"${OUTPUT[k]}\"; }",
            "f() { echo \"${OUTPUT[k]}\"; }; run() { \"$@\"; }; run f | tee log; OUTPUT[k]=v",
            "f() { otto.set k v; }; f | cat; out=$(f)",
            "run() { echo \"+ $*\"; \"$@\"; }; run make all 2>&1 | tee log; OUTPUT[log]=log",
            "run() { \"$@\"; }; run echo 'OUTPUT[k]=v' export OTTO_A=1 | cat",
            "eval 'OUTPUT[k]=v'; ( eval \"$(ssh-agent -s)\" )",
            "( . ./venv/bin/activate; pytest ); OUTPUT[k]=v",
            "( source \"$file\"; echo \"$X\" ) | cat; OUTPUT[k]=$?",
            "f() { local -n list=$1; list+=(x); }; ( f files ); OUTPUT[k]=v",
            "f() { local -n list=$1; list[k]=x; }; f OUTPUT; ( f other )",
            "f() { printf -v \"$1\" '%s' v; }; ( f name ); OUTPUT[k]=v",
            "( printf -v line '%s' \"${OUTPUT[k]}\"; read -r x; mapfile -t y; local z )",
            "( OTTO_A=1 tool; OTTO_B=2; echo \"$OTTO_A\" )",
            "( export OTTO_HOME=/tmp OTTO_JOBS=1; otto all )",
            "( export A=1 B=2; make ); OUTPUT[k]=v",
            "( OUTPUT=json; tool \"$OUTPUT\" )",
            "( unset OUTPUT INPUT; make )",
            "f() { local OUTPUT=dist; cp x \"$OUTPUT\"; }; f",
            "f() { local -n o=OUTPUT; o[k]=v; }; f",
            "f() { declare -gA OUTPUT; OUTPUT[k]=v; }; f",
            "declare -A OUTPUT; OUTPUT[k]=v",
            "trap 'OUTPUT[k]=v' EXIT; ( echo x ) | cat",
            "cleanup() { OUTPUT[k]=$?; }; trap cleanup EXIT; x=$(date)",
            "for f in *; do ( $cmd \"$f\" ) & done; wait; put() { OUTPUT[k]=v; }; put",
            "build_x() { OUTPUT[x]=1; }; \"build_$1\"; ( \"test_$1\" )",
            "OUT=$(mktemp); ( cp a \"$OUT\"; eval \"$x\" ); OUTPUT[k]=$OUT",
            "bash -c 'OUTPUT[k]=v' | cat",
            "grep 'OUTPUT[k]=v' f | cat; x=$(echo 'OUTPUT[k]=v')",
            "x=$(cat <<'E'\nOUTPUT[k]=v\nE\n)",
            "echo \"`echo \\\"OUTPUT[k]=v\\\"`\"",
            "( export 'OUTPUT[k]=v' || true )",
            "f() { declare -g 'OUTPUT[k]=v'; }; f",
            "f() { typeset -x OTTO_A=v; }; x=$(f)",
            "set -T; trap 'echo d' DEBUG; ( OUTPUT_X=1 )",
        ];
        let alarms = silent.iter().map(|text| (text, told(text))).filter(|(_, told)| !told.is_empty());
        let alarms: Vec<String> = alarms.map(|(text, told)| format!("{text}\n  told: {told}\n")).collect();
        assert!(alarms.is_empty(), "{}", alarms.concat());
    }

    #[test]
    fn exports_are_lost_in_every_shell() {
        let sh = |text| told_in(text, Shell::Posix { has_lastpipe: false });
        let zsh = |text| told_in(text, Shell::Posix { has_lastpipe: true });
        assert_eq!(sh("( export OTTO_A=1 )"), "1: OTTO_A in a subshell");
        assert_eq!(sh("a | { export OTTO_A=1; }"), "1: OTTO_A in a pipeline");
        assert_eq!(zsh("a | { export OTTO_A=1; }"), "");
        assert_eq!(zsh("{ export OTTO_A=1; } | a"), "1: OTTO_A in a pipeline");
        assert_eq!(
            sh("f() { OTTO_A=1; export OTTO_A; }; x=$(f)"),
            "1: OTTO_A in a command substitution by f"
        );
        assert_eq!(sh("set -a; ( OTTO_A=1 ) & wait"), "1: OTTO_A in a background job");
        assert_eq!(sh("run() { \"$@\"; }; run export OTTO_A=1 | cat"), "1: OTTO_A in a pipeline");
        assert_eq!(sh("export OTTO_A=1; ( echo \"$OTTO_A\" ); OUTPUT=x"), "");
    }
}
