//! Runs bodies twice, with what otto takes them to need and with everything, and says where the two differ.
//! The bodies are made of idioms that have been misread before; any bytes choose among them.

use super::{HandOver, Input, Left, Script, collect, prepare};
use crate::name::JobName;
use crate::ottofile::spec::{Body, BodyKey};
use crate::source::{SourceFile, Span};
use crate::store::outputs::Outputs;
use crate::value::{self, Value};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stand round other idioms, which come in place of the `@`.
const ROUND: &[&str] = &[
    "@",
    "@",
    "if true; then @; fi",
    "[ -f nope ] || @",
    "true && \\\n  @",
    "2>/dev/null @",
    "{ @; } 2>&1",
    "f() { @; }; f",
    "f() { local x=$1 y; @; }\nf a",
    "( @ )",
    "x=$( @ )",
    "echo \"a $( @ ) b\"",
    "for x in a; do @; done",
    "set -- a; for x do @; done",
    "for x\ndo @; done",
    "case x in x) @ ;; esac",
    "echo \"$(case x in (x | y) @;; esac)\"",
    "case $y in *) @ ;; esac",
    "time -p @",
    "{ @; } | cat",
    "! @",
    "{ @; } &\nwait",
    "cat <( @ )",
    "echo \"$\\\n( @ )\"",
    "while @; do break; done",
    "@ # it's (",
    "[[ a =~ (]] #) ]] || @",
    "echo it\\'s; @",
    "echo '\\'; @",
    "trap '' USR1; @",
    "set +e\n@",
];

/// Set, read, export, fail: each as far from the plain spelling as people write it, and farther.
const IDIOMS: &[&str] = &[
    // Outputs.
    "OUTPUT[k]=v",
    "k=key; OUTPUT[$k]=v",
    "OUTPUT+=([a]=1 [b]=2)",
    "declare \"OUTPUT[d]=v\"",
    "f() { declare -A OUTPUT; OUTPUT[lost]=1; exit 0; }",
    "((OUTPUT[n]+=1)) || :",
    ": $((OUTPUT[m]=2))",
    "[[ OUTPUT[q]=1 -eq 1 ]]",
    ": \"${OUTPUT[def]:=v}\"",
    "n=OUT; printf -v \"${n}PUT[p]\" x",
    "n=OUT; read \"${n}PUT[r]\" < f",
    "n=OUT; read \\\n \"${n}PUT[r]\" < f",
    "n=OUT; n+=PUT; declare -n o=$n; o[k3]=v",
    "n=OUT; declare \\\n -n o=${n}PUT; o[k4]=v",
    "n=OUT; a=${n}'PUT[z]=5'; ((a)) || :",
    "n=OUT; a=${n}'PUT[z]=6'; : $((a))",
    "n=OUT; a=${n}'PUT[z]=7'; y=(1); : ${y[a]-}",
    "n=OUT; a=${n}'PUT[z]=8'; y=abc; : ${y:a}",
    "n=OUT; a=${n}'PUT[z]=9'; y[a]=1",
    "n=OUT; a=${n}'PUT[z]=10'; y=([a]=1)",
    "n=OUT; a=${n}'PUT[z]=11'; [[ $a -gt 1 ]]",
    "n=OUT; a=${n}'PUT[z]=12'; RANDOM=$a",
    "n=OUT; declare -i i; i=${n}'PUT[z]=13'",
    "n=OUT; for ((i=${n}PUT[z]=14; i<1; i++)); do :; done",
    "n=OUT; printf '%s%n' abc \"${n}PUT[z]\"",
    "mapfile -C 'OUTPUT[cb]=1; :' -c 1 a < f",
    "mapfile -t \"OUTPUT\" < f",
    "c='OUTPUT[ev]=1'; eval \"$c\"",
    "c='n=OUT; eval ${n}PUT[t]=1'; trap \"$c\" EXIT",
    "exec {OUTPUT[fd]}<f",
    "OTTO_OUTPUT+=(\"l=x=y\")",
    // Exports.
    "export OTTO_K1=v",
    "declare -x OTTO_K2=v",
    "typeset -x OTTO_K3",
    "set -a; OTTO_K4=v; set +a",
    "n=OT; export \"${n}TO_K5=v\"",
    "n=OT; export \\\n \"${n}TO_K6=v\"",
    "n=OT; export $(echo ${n}TO_K7=v)",
    "n=OT; a=${n}'TO_GIVEN=5'; ((a)) || :",
    "n=OT; export PORT=80 ${n}TO_K8=1",
    "OTTO_GIVEN=changed",
    // Unseen text.
    "source ./lib.sh",
    ". ./lib.sh",
    "\".\" ./lib.sh",
    "s'ource' ./lib.sh",
    "builtin -- source ./lib.sh",
    "command -p . ./lib.sh",
    "run() { \"$@\"; }; run source ./lib.sh",
    "c=source; $c ./lib.sh",
    "c=source; eval \"$c ./lib.sh\"",
    "trap '. ./lib.sh' EXIT",
    "alias s=source; shopt -s expand_aliases\ns ./lib.sh",
    "p='$(. ./lib.sh)'; echo \"${p@P}\"",
    "BASH_ENV=./lib.sh bash -c :",
    "[ -v 'y[$(. ./lib.sh >&2)]' ] || :",
    "a='y[$(. ./lib.sh >&2)]'; ((a)) || :",
    // Inputs.
    "echo \"${INPUT[build.v]}\"",
    "export X=\"${INPUT[build.v]}\"; env | grep ^X=",
    "declare -x X=${INPUT[build.v]}; echo $X",
    "grep -x \"${INPUT[build.v]}\" f",
    "[ -x \"${INPUT[build.v]}\" ] || echo none",
    "k=v; echo \"${INPUT[build.$k]}\" ${INPUT[\"build.v\"]}",
    "i=IN; i+='PUT[build.v]'; echo \"${!i}\"",
    "i=IN; i+='PUT[build.v]'; [ -v \"$i\" ] && echo there",
    "i=IN; i+='PUT[build.v]'; [[ -v $i ]] && echo there",
    "i=IN; i+='PUT[build.v]'; o=-v; [ $o \"$i\" ] && echo there",
    "i=IN; i+='PUT[build.v]'; o=-v; test \"$o\" \"$i\" && echo there",
    "i=IN; i+='PUT[build.n]'; echo $((i + 1))",
    "i=IN; i+=PUT; declare -n o=$i; echo \"${o[build.v]}\"",
    "echo \"${IN\\\nPUT[build.v]}\"",
    "cat <<E\n${INPUT[build.v]}\nE\n",
    "echo $OTTO_INPUT_BUILD_V",
    "i=OTTO_IN; i+=PUT_BUILD_V; echo \"${!i}\"",
    "echo \"${OTTO_INPUT[@]}\"",
    "echo \"${#INPUT[@]}\" \"${!INPUT[@]}\"",
    // Functions.
    "otto.set f v",
    "otto_set g w",
    "otto.get build.v",
    "g=otto_; g+=set; $g h v",
    "a='y[$(ot'; a+='to_set j v)]'; ((a)) || :",
    "t=ot; type -t ${t}to_set",
    "otto_deserialize_input build; otto_serialize_output",
    // Failures and ends.
    "false",
    "exit 3",
    "exit",
    "nosuchcommand",
    "[ -f nope ]",
    "[ -f nope ] && echo yes",
    "((0))",
    "[[ a == b ]]",
    "false && true",
    "cat nope",
    "echo $((08+1))",
    "s=abc; echo ${s:1:-9}",
    "echo $nosuchvariable",
    "[ 1 -eq x ]",
    "g() { false; }; g",
    "kill -TERM $$",
    "true | false",
    "set -e",
    "trap 'echo bye' EXIT",
    "trap 'exit 6' EXIT",
    "trap - EXIT",
    "trap 'echo err' ERR",
    "exec true",
    // Plain.
    "echo plain",
    "printf '%s\\n' \"$?\"",
    "read -r l < f; echo \"$l\"",
    "read -r a b <<< 'x y'; echo \"$b\"",
    "x=(a b); echo \"${x[1]}\" ${#x[@]} \"${x[@]}\"",
    "export PORT=80; env | grep ^PORT=",
    "x=a.b; echo \"${x%.*}\" ${x#*.} ${x/a/c} ${x:1} ${x:-d}",
    "echo \"$RED$NC\" \"${#RED}\"",
    "[ -v RED ] && echo red",
    "c=RE; c+=D; echo \"${!c}\"",
    "echo \"[$-]\" $#",
    "echo 'żółć' \"中\"",
    "printf '%5.1f|%b' 1 'a\\n'",
    "exit() { echo mine; builtin exit 4; }; exit",
    "printf() { echo mine; }; printf x",
    "set() { :; }; test() { return 1; }; test || echo no",
    "trap",
];

/// A body; any bytes make one.
pub(crate) fn body(bytes: &[u8]) -> String {
    let mut bytes = bytes.iter().copied().map(usize::from);
    let mut pick = |most: usize| bytes.next().map(|byte| byte % most);
    let mut lines = Vec::new();
    while lines.len() < 6 {
        let (Some(depth), Some(idiom)) = (pick(8), pick(IDIOMS.len())) else { break };
        let mut text = IDIOMS[idiom].to_owned();
        for _ in 0..depth.saturating_sub(5) {
            // A here-document ends with its line.
            let Some(round) = pick(ROUND.len()).filter(|_| !text.contains("<<E")) else { break };
            text = ROUND[round].replace('@', &text);
        }
        lines.push(text);
    }
    lines.join("\n")
}

/// What can be seen of a body that ran.
#[derive(Debug, PartialEq)]
struct Behaviour {
    status: i32,
    stdout: String,
    stderr: String,
    outputs: String,
    exports: Vec<String>,
    problems: Vec<String>,
}

/// Runs a body both ways; the answer is what differs.
pub(crate) fn difference(text: &str) -> Result<(), String> {
    let trimmed = run(text, false);
    let whole = run(text, true);
    if trimmed == whole { Ok(()) } else { Err(format!("{text}\n\ntrimmed: {trimmed:#?}\nwhole: {whole:#?}")) }
}

fn run(text: &str, is_whole: bool) -> Behaviour {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("otto-trimmed-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let root = std::env::temp_dir().join(name);
    let (dir, project) = (root.join("tasks/a"), root.join("project"));
    for folder in [&dir, &project] {
        fs::create_dir_all(folder).expect("made");
    }
    let library = "OUTPUT[lib]=${INPUT[build.v]}\nexport OTTO_LIB=1\necho \"lib $RED $OTTO_INPUT_BUILD_V\"\n";
    fs::write(project.join("lib.sh"), library).expect("written");
    fs::write(project.join("f"), "one\ntwo\n").expect("written");
    let mut env = BTreeMap::from([("OTTO_GIVEN", OsString::from("given")), ("HOME", project.clone().into())]);
    env.insert("PATH", std::env::var_os("PATH").expect("PATH is set"));
    env.insert("OTTO_TASK_DIR", dir.clone().into());
    if is_whole {
        // Text that nobody has seen may run before the body.
        env.insert("BASH_ENV", "/dev/null".into());
    }
    let body = Body {
        key: BodyKey::Bash,
        key_span: Span::default(),
        text: text.to_owned(),
        span: Span::new(3, 3 + text.len()),
        first_line: 4,
        has_true_lines: true,
    };
    let values = [("v", Value::String("one".into())), ("n", Value::Number("41".into()))];
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let name = |name| JobName::recorded(name).expect("not empty");
    let script = Script {
        job: &name("a"),
        body: &body,
        condition: None,
        ottofile: &SourceFile::new("otto.yml", format!("\n\n\n{text}")),
        inputs: &[Input {
            job: name("build"),
            outputs: Arc::new(Outputs { values, ..Outputs::default() }),
            absence: None,
            is_whole: true,
        }],
        fan_ins: &[],
        item: None,
        fates: None,
        params: &[],
        lists: &[],
        task_dir: &dir,
        dir: &dir,
        runtime: &root.join("runtime"),
        workdir: &project,
        folder: &project,
        contract: None,
        is_service: false,
        is_remote: false,
        env: &|name| env.get(name).map(OsString::as_os_str),
    };
    let prepared = prepare(&script).unwrap_or_else(|error| panic!("{text}: {:?}", error.diagnostic));
    let mut command = Command::new(&prepared.program.path);
    command
        .args(&prepared.args)
        .env_clear()
        .envs(&env)
        .envs(prepared.env.iter().map(|(name, value)| (name, value)));
    command.current_dir(&project).stdin(Stdio::null());
    let output = command.output().expect("bash starts");
    let status =
        output.status.code().unwrap_or_else(|| 128 + output.status.signal().expect("code or signal"));
    let HandOver { outputs, problems, .. } =
        collect(&script, &Left { folder: &dir, level: prepared.level, succeeded: status == 0 });
    let shown = |bytes: &[u8]| without_places(&String::from_utf8_lossy(bytes), &root);
    let problems = problems.iter().map(|problem| format!("{} {}", problem.code, problem.message));
    let seen = Behaviour {
        status,
        stdout: shown(&output.stdout),
        stderr: shown(&output.stderr),
        outputs: value::compact(&Value::Map(outputs.values)),
        exports: outputs.exports,
        problems: problems.collect(),
    };
    let _ = fs::remove_dir_all(&root);
    seen
}

/// Without what is another one in each run: the folder, the times of `time`.
fn without_places(text: &str, root: &Path) -> String {
    let text = text.replace(&*OsStr::to_string_lossy(root.as_os_str()), "");
    let is_time = |line: &str| ["real ", "user ", "sys "].iter().any(|word| line.starts_with(word));
    text.lines().filter(|line| !is_time(line)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many random bodies are tried: `OTTO_TRIMMED_BODIES`, or a few.
    fn bodies() -> u32 {
        std::env::var("OTTO_TRIMMED_BODIES").ok().and_then(|text| text.parse().ok()).unwrap_or(120)
    }

    #[test]
    fn each_idiom_ends_the_same_with_all_that_otto_has_as_with_what_it_needs() {
        let differences: Vec<String> = IDIOMS.iter().filter_map(|idiom| difference(idiom).err()).collect();
        assert_eq!(differences.join("\n\n"), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: bodies(), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_bodies_end_the_same_with_all_that_otto_has_as_with_what_they_need(bytes in prop::collection::vec(any::<u8>(), 2..24)) {
            if let Err(difference) = difference(&body(&bytes)) {
                return Err(TestCaseError::fail(difference));
            }
        }
    }
}
