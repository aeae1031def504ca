//! What is told of lost outputs, against what a real bash loses.

use crate::body::lost::{Shell, lost};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A script of which every line runs. `%` stands for the number of the next assignment, `@` for further lines.
const LEAVES: &[&str] = &[
    "OUTPUT[k%]=v",
    "OUTPUT[k%]+=v",
    "OUTPUT[k%]=\"$(echo v | cat)\"",
    "x=1 OUTPUT[k%]=v y=2",
    "OUTPUT+=([k%]=v)",
    "f% () { OUTPUT[k%]=v; }; f%",
    "f% () { OUTPUT[k%]=v; }; f% | cat",
    "function f% { OUTPUT[k%]=v; }; x=$(f%)",
    "f% () ( OUTPUT[k%]=v ); f%",
    "read -r 'OUTPUT[k%]' <<< v",
    "printf -v 'OUTPUT[k%]' v",
    "echo '( OUTPUT[no]=1 )' \"( OUTPUT[no]=1 )\" # ( OUTPUT[no]=1 )",
    "cat <<E > /dev/null\n( OUTPUT[no]=1 )\nE",
    "cat <<'E' | cat > /dev/null\n$( OUTPUT[no]=1 )\nE",
    "cat <<E > /dev/null\n$( OUTPUT[k%]=1 )\nE",
    "((OUTPUT[k%] += 1)) || true",
    "let 'OUTPUT[k%]=1'",
    ": $((OUTPUT[k%] = 1))",
    ": \"${OUTPUT[k%]:=v}\"",
    "[[ OUTPUT[k%]=1 -eq 1 ]]",
    "declare -g 'OUTPUT[k%]=v'",
    "eval 'OUTPUT[k%]=v'",
    "v='OUTPUT[k%]=v'; eval \"$v\"",
    "e=eval; $e 'OUTPUT[k%]=v'",
    "put% () { local -n m%=OUTPUT; m%[k%]=v; }; put%",
    "n=OUT; n+=PUT; declare -gn o%=$n; o%[k%]=v",
    "n=OUT; read -r \"${n}PUT[k%]\" <<< v",
    "f% () { OUTPUT[k%]=v; }; run () { \"$@\"; }; run f% | cat",
    "f% () { OUTPUT[k%]=v; }; run () { \"$@\"; }; run f%",
    "f% () { OUTPUT[k%]=v; }; x=f%; \"$x\"",
    "f% () { OUTPUT[k%]=v; }; \"f%\" | cat",
    "x=`echo \\`OUTPUT[k%]=v\\``",
    "cb% () { OUTPUT[k%]=v; }; mapfile -C cb% -c 1 -t m <<< x",
    "exec {OUTPUT[k%]}< /dev/null",
    "command printf -v 'OUTPUT[k%]' v",
    "f% () { otto.set k v; }; f% | cat",
    "f% () { echo \"${OUTPUT[*]-}\"; }; x=$(f%)",
    "run () { \"$@\"; }; run echo 'OUTPUT[no]=v' | cat > /dev/null",
    "[[ a =~ ^(a|b)$ ]] || (( 1 > 2 )) || true",
    "a=(b c); echo ${a[0]} ${#a[@]} $((1 + (2))) > /dev/null",
];
const AROUND: &[&str] = &[
    "@",
    "( @\n)",
    "{ @\n}",
    "if true; then @\nfi",
    "if ! true; then :; else @\nfi",
    "for i in 1; do @\ndone",
    "for ((i = 0; i < 1; i++)); do @\ndone",
    "while true; do @\nbreak; done",
    "until false; do @\nbreak; done",
    "case x in (y) ;; x | z) @\n;; esac",
    "{ @\n} | cat",
    "true | { @\n}",
    "x=$( @\n)",
    "echo \"a $( @\n) b\" > /dev/null",
    "{ @\n} & wait",
    "cat <( @\n) > /dev/null",
    "{ @\n} > /dev/null 2>&1",
    "true && { @\n} || true",
    "! { @\n} || true",
    "while read -r l; do @\ndone < <(echo 1)",
    "echo 1 | while read -r l; do @\ndone",
    "time true 2> /dev/null; { @\n}",
    "coproc { @\n}\nwait",
    "if ( @\n); then true; fi",
];

/// Assignments with up to three constructs round them.
fn script() -> impl Strategy<Value = String> {
    (vec(select(LEAVES), 1..3), vec(select(AROUND), 0..4)).prop_map(|(leaves, around)| {
        around.iter().fold(leaves.join("\n"), |inner, outer| outer.replacen('@', &inner, 1))
    })
}

proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        /// P7: what is told is lost, and what is lost is told.
        #[test]
        fn exactly_the_lost_keys_are_told(scripts in vec(script(), 1..4)) {
            let mut text = String::new();
            let mut count = 0;
            for line in scripts.join("\n").split_inclusive('\n') {
                // One number for all the marks of a line, which has one assignment at most.
text.push_str(&line.replace('%', &count.to_string()));
                count += 1;
            }
            let program = format!("declare -A OUTPUT=(); otto.set () {{ :; }}\n{text}\nwait\nprintf '%s\\n' \"${{!OUTPUT[@]}}\" > \"$kept\"\n");
            let folder = tempfile::tempdir().expect("a directory");
            let kept = folder.path().join("kept");
            let output = std::process::Command::new("bash").args(["-c", &program]).env("kept", &kept).stdin(std::process::Stdio::null()).output().expect("bash starts");
            let kept = std::fs::read_to_string(&kept).unwrap_or_default();
            let kept: std::collections::BTreeSet<String> = kept.lines().map(str::to_owned).collect();
            let all: std::collections::BTreeSet<String> = (0..count).map(|number| format!("k{number}")).filter(|key| text.contains(&format!("[{key}]"))).collect();
            let found = lost(&text, Shell::Bash, &|_| None);
            let key = |lost: &crate::body::lost::Lost| {
                let text = &text[lost.range.clone()];
                let from = if lost.effect.target == "OUTPUT" { text } else { &lost.effect.target };
                from.split(['[', ']']).find(|part| part.starts_with('k')).unwrap_or("?").to_owned()
            };
            let told: std::collections::BTreeSet<String> = found.iter().map(key).collect();
            let certain: std::collections::BTreeSet<String> =
                found.iter().filter(|lost| !lost.effect.is_doubtful).map(key).collect();
            let missing: std::collections::BTreeSet<String> = all.difference(&kept).cloned().collect();
            let said = String::from_utf8_lossy(&output.stderr);
            prop_assert!(missing.is_subset(&told), "{missing:?} is lost and {told:?} is told:\n{text}\n{said}");
            prop_assert!(certain.is_subset(&missing), "{certain:?} is told and {missing:?} is lost:\n{text}\n{said}");
        }
    }
