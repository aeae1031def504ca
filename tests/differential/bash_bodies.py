"""Random bash bodies, made of what real scripts do: every way to set, read, load, catch and end."""

from __future__ import annotations

import random
from collections.abc import Callable

from model import Body

# Words of a command that otto has to recognise or to be careful about, spelled in the ways that shells allow.
SPELLINGS = (
    "{0}",
    "{0}",
    "{0}",
    "builtin {0}",
    "command {0}",
    "command -p {0}",
    "builtin -- {0}",
    "command -- {0}",
    "\\{0}",
    '"{0}"',
    "'{0}'",
    "{first}'{rest}'",
    '{first}"{rest}"',
    "$'{0}'",
)
BEFORE = (
    "",
    "",
    "",
    "",
    "2>/dev/null ",
    "</dev/null ",
    "3>&1 ",
    "A=1 ",
    "A=1 B='x y' ",
    "! ! ",
    "A=$(echo x) ",
    "if true; then :; fi; ",
    ": ; ",
    "true && ",
    "[ -f lib.sh ] && ",
    "[ -f lib.sh ] && \\\n  ",
    "true &&\n  ",
    "false || ",
    "false || \\\n\t",
    "true; ",
    "{0}_unset=x; ",
)
AROUND = (
    "{{ {0}; }}",
    "if true; then {0}; fi",
    "if false; then :; else {0}; fi",
    "for i in 1; do {0}; done",
    "for i in 1 2; do\n  [ $i = 2 ] || continue\n  {0}\ndone",
    "while true; do {0}; break; done",
    "until false; do {0}; break; done",
    "case x in\n  y) ;;\n  x) {0} ;;\nesac",
    "case x in (x) {0};; esac",
    "for ((i = 0; i < 1; i++)); do {0}; done",
    "wrap() {{ {0}; }}; wrap",
    "function wrap {{ {0}; }}\nwrap",
    "wrap()\n{{\n  {0}\n}}\nwrap",
    "while read -r line; do {0}; done < <(echo x)",
    "while read -r line; do {0}; done <<< x",
    "{{ {0}; }} 2>&1",
    "{{ {0}; }} > log.txt",
    "time {{ {0}; }} 2>/dev/null",
    "select x in a; do {0}; break; done <<< 1 2>/dev/null",
    "[[ a == a ]] && {{ {0}; }}",
    "if ! false; then {0}; fi",
    "true &&\n  # why\n  {{ {0}; }}",
)
# What runs in a copy of the shell.
COPIES = (
    "( {0} )",
    "(\n  {0}\n)",
    'x=$( {0} ); echo "$x"',
    'echo "a $( {0} ) b"',
    "x=`{0}`",
    "echo x | while read -r x; do {0}; done",
    "{{ {0}; }} | cat",
    "{{ {0}; }} & wait",
    '{{ {0}; }} & wait "$!"',
    "cat <( {0} )",
    "f() ( {0} ); f",
    "f() {{ {0}; }}; f | cat",
    "f() {{ {0}; }}; x=$(f)",
    'f() {{ {0}; }}; run() {{ "$@"; }}; run f | cat',
    'f() {{ {0}; }}; "f" | cat',
    "cat <<E\n$( {0} )\nE",
    "if ( {0} ); then :; fi",
    "true | {{ {0}; }}",
    "{{ coproc {{ {0}; }}; wait; }} 2>/dev/null",
)
OUTSIDE = (
    "echo hello",
    "printf '%s\\n' a b",
    'echo "$(date +%Y | tr -d 0-9)x"',
    "x=5; echo $((x * 2))",
    "mkdir -p out; echo 1 > out/one",
    "sort -r data.txt",
    "grep -c t data.txt",
    "wc -l < data.txt | tr -d ' '",
    "./tool.sh a 'b c'",
    'while read -r l; do echo "<$l>"; done < data.txt',
    'mapfile -t lines < data.txt; echo "${#lines[@]}"',
    'arr=(a \'b c\'); echo "${arr[1]}"; echo "${arr[@]}"',
    'declare -A m=([x]=1); echo "${m[x]}"',
    "cat <<'E' > doc.txt\nliteral $x `y`\nE",
    "cat <<E\nvalue ${x:-none}\nE",
    "cat <<-E\n\tindented\n\tE",
    's=hello; echo "${s^^}" "${s:1:3}" "${s/l/L}"',
    "echo err >&2",
    "sleep 0 & wait",
    'tmp=$(mktemp); rm -f "$tmp"',
    "# only a comment",
    ": <<'END'\nnothing\nEND",
    "echo a; echo b",
    'local_fn() { local v=$1; echo "$v"; }; local_fn z',
    "echo {1..3}",
    "IFS=, read -r a b <<< 'x,y'; echo \"$b\"",
    "while getopts 'ab:' o -a -b 3; do echo \"$o ${OPTARG-}\"; done",
    "trap 'echo usr1' USR1; kill -USR1 \"$$\"; echo after",
    "v='@P'; echo \"${v@Q}\"",
    "p='$(echo in-prompt)'; echo \"${p@P}\"",
    "printf -v pad '%03d' 7; echo \"$pad\"",
    "xargs -n1 echo < data.txt",
    'echo "${PIPESTATUS[0]}"',
    "pushd out >/dev/null 2>&1 || true",
    'test -n "$BASH_VERSION" && echo bash',
    'echo "$# $*"',
    'set -- a b; echo "$2"; shift; echo "$#"',
    "unset -v nothing; unset -f nobody",
    "type -t cd; command -v echo",
    "(cd /; pwd)",
    'echo "${FUNCNAME[*]-top}"',
    "true & true & wait",
    "! false",
    "echo x > a.txt; [ a.txt -nt data.txt ] || echo older",
)
# Options, traps and functions of the user's that could get into the way of otto's own text.
SETTINGS = (
    "IFS=,",
    "IFS=",
    "IFS=$'\\n\\t'",
    "IFS=0",
    "set -f",
    "set -x",
    "set +e",
    "set +u",
    "set +o pipefail",
    "set +euo pipefail",
    "set -E",
    "set -T",
    "set -a",
    "set -C",
    "set -h",
    "set -o posix",
    "set -o noclobber",
    "set -v +v",
    "shopt -s lastpipe",
    "shopt -s nullglob extglob",
    "shopt -s expand_aliases",
    "shopt -s inherit_errexit",
    "shopt -s nocasematch",
    "shopt -s failglob",
    "printf() { builtin printf 'my '; builtin printf \"$@\"; }",
    'exit() { echo leaving; builtin exit "$@"; }',
    'trap() { builtin trap "$@"; }',
    "builtin() { echo 'my builtin'; }",
    'declare() { builtin declare "$@"; }',
    'echo() { builtin echo "[$*]"; }',
    "test() { return 0; }",
    'read() { builtin read "$@"; }',
    'set() { builtin set "$@"; }',
    'source() { builtin source "$@"; }',
    'eval() { builtin eval "$@"; }',
    'command() { builtin command "$@"; }',
    'unset() { builtin unset "$@"; }',
    'return() { builtin return "$@"; }',
    'local() { builtin local "$@"; }',
    'export() { builtin export "$@"; }',
    "true() { return 0; }",
    "umask 077",
    "umask 777",
    "mkdir -p sub; cd sub",
    'cd "$(dirname lib.sh)"',
    "mkdir -p gone; cd gone; rmdir ../gone",
    "PATH=",
    "PATH=/nowhere",
    "exec 2>/dev/null",
    "exec 3>&1",
    "exec </dev/null",
    "exec > >(cat) 2>&1; sleep 0.05",
    "exec 2>&1",
    "LC_ALL=C",
    "POSIXLY_CORRECT=1",
    "readonly FIXED=1",
    "enable -n printf",
    "alias ll='echo alias'",
    "alias printf='echo aliased'",
    "alias trap='echo trapped'",
    "alias set='echo setting'",
    "alias builtin='echo b'",
    "alias exit='echo e; exit'",
    "hash -r",
    "ulimit -c 0",
    "BASH_ENV=/nowhere",
    "PS4='> '",
    "declare -i status=0",
    "declare -l lower=ABC; echo $lower",
    "unset IFS",
    "ENV=x; export ENV",
    "dir=/tmp; name=x; value=y; key=z; i=9; words=w; status=4",
)
HANDLERS = (
    "echo bye",
    'rc=$?; echo "rc $rc"',
    'rc=$?; echo "rc $rc"; exit $rc',
    "exit 7",
    "exit",
    "false",
    "true",
    ":",
    "OUTPUT[{key}]=trap",
    "export OTTO_T{n}=1",
    "otto.set {key} trap",
    'echo "$BASH_COMMAND"',
    'echo "status $?"',
    "cleanup",
    "[ -f nope ] && echo no",
    "rm -f a.txt",
    "{{ echo a; echo b; }} >&2",
    'echo "in\'side"',
    'echo "${{x-unset}}"',
    "nope_missing",
    "echo $nope_unset",
    "(exit 3)",
    "return 3",
    "trap - EXIT; echo once",
    "set +e; false; echo on",
    'kill -USR1 "$$" 2>/dev/null || true',
)
SIGNALS = (
    "EXIT",
    "EXIT",
    "EXIT",
    "EXIT",
    "0",
    "exit",
    "ERR",
    "DEBUG",
    "RETURN",
    "INT",
    "TERM",
    "EXIT TERM",
    "EXIT INT TERM",
    "SIGEXIT",
)
TRAPS = (
    "trap '{h}' {s}",
    "trap '{h}' {s}",
    "trap '{h}' {s}",
    "trap -- '{h}' {s}",
    "trap \\\n  '{h}' {s}",
    "h='{h}'; trap \"$h\" {s}",
    "s={s1}; trap '{h}' $s",
    "for s in {s}; do trap '{h}' $s; done",
    "t=trap; $t '{h}' {s}",
    "on() {{ trap '{h}' {s}; }}; on",
    'on() {{ trap "$1" "$2"; }}; on \'{h}\' {s1}',
    "[ -f lib.sh ] && trap '{h}' {s}",
    "x=1 && \\\n  trap '{h}' {s}",
    "2>/dev/null trap '{h}' {s}",
    "eval \"trap '{h}' {s}\"",
    "trap '{h}' {s}; trap - {s}",
    "trap '' {s}",
    "trap '{h}' {s}; trap -p",
    "trap '{h}' {s}; trap -p EXIT",
    "trap",
    "trap -p",
    "trap -p EXIT",
    'x=$(trap -p EXIT); echo "<$x>"',
    "trap '{h}' {s}; saved=$(trap -p EXIT); trap - EXIT; eval \"$saved\"",
    "saved=$(trap -p EXIT); trap '{h}' EXIT; eval \"${{saved:-trap - EXIT}}\"",
    "( trap '{h}' EXIT; echo sub )",
    "x=$(trap 'echo inner' EXIT; echo y); echo \"$x\"",
    "trap '{h}' {s} 2>/dev/null || true",
    "trap '{h}\n' {s}",
    "builtin trap '{h}' {s}",
    "command trap '{h}' {s}",
    "\\trap '{h}' {s}",
    "'trap' '{h}' {s}",
    "builtin -- trap '{h}' {s}",
    "command -p trap '{h}' {s}",
    "run() {{ \"$@\"; }}; run trap '{h}' {s}",
    "shopt -s expand_aliases\nalias on=trap\non '{h}' {s}",
    "cleanup() {{ local rc=$?; echo clean; OUTPUT[{key}]=c; return $rc; }}; trap cleanup {s}",
    "cleanup() {{ echo clean; exit 5; }}; trap cleanup {s}",
    'cleanup() {{ rc=$?; echo "clean $rc"; exit $rc; }}\ntrap cleanup {s}',
    "cleanup() {{ set +e; nope_missing; echo clean; }}; trap cleanup {s}",
    "tmp=$(mktemp) && \\\n  trap 'rm -f \"$tmp\"' EXIT",
)
ENDS = (
    "",
    "",
    "",
    "",
    "[ -f nope ] && echo x",
    "[ -f lib.sh ] && echo x",
    "[[ a == b ]] && echo x",
    "test -f nope && echo x",
    "((0)) && echo x",
    "! [ -f lib.sh ] && echo x",
    "[ -f nope ] && [ -f lib.sh ] && echo x",
    "[ -f lib.sh ] && [ -f nope ] && echo x",
    "[ -f lib.sh ] && false && echo x",
    "[ -f lib.sh ] && grep -q zzz data.txt && echo x",
    "grep -q zzz data.txt && echo x",
    "! grep -q one data.txt",
    "! true",
    "! [ -f lib.sh ]",
    "false && true",
    "true && false",
    "for f in a b; do [ -f $f ] && echo $f; done",
    "for f in a b; do grep -q $f lib.sh.no 2>/dev/null && echo $f; done",
    "if true; then [ -f nope ] && echo x; fi",
    "{ [ -f nope ] && echo x; }",
    "case x in x) [ -f nope ] && echo x ;; esac",
    "while true; do [ -f nope ] && echo x; break; done",
    "last() { [ -f nope ] && echo x; }; last",
    "last() { [ -f nope ] && echo x; }; last || echo y",
    "last() { return 1; }; last && echo x",
    "[ -f nope ]",
    "[[ a == b ]]",
    "((0))",
    "test a = b",
    "[ 1 -eq x ] && echo x",
    "[[ 1 -eq 08 ]] && echo x",
    "((1 / 0)) && echo x",
    "[ -f nope ] && echo x | cat",
    "true | [ -f nope ] && echo x",
    "echo x | grep -q y && echo x",
    "( [ -f nope ] && echo x )",
    "[ -f nope ] && echo x || false",
    "[ -f nope ] || [ -f nope2 ] && echo x",
    "[ -f nope ] && echo x; :",
    "[ -f nope ] && echo x # why",
    "[ -f nope ] && echo x\n\n# the end",
    "[ -f nope ] &&\n  echo x",
    "[ -f nope ] \\\n  && echo x",
    '[ -n "${x-}" ] && echo x > out.txt',
    '[ "$(false)" ] && echo x',
    "x=$(false) && echo x",
    "false",
    "(exit 4)",
    "exit",
    "exit 0",
    "exit 3",
    "exit $((1 + 1))",
    "(exit 4); exit",
    "false || exit 5",
    "exit 256",
    "return 2 2>/dev/null",
    "echo $((1 / 0))",
    "z=0; OUTPUT[pct]=$((5 * 100 / z))",
    "d=08; OUTPUT[day]=$((d + 1))",
    "s=abc; echo ${s:1:-9}",
    "echo ${nope?gone}",
    "echo ${nope:?}",
    "echo $nope_unset",
    "nope_missing",
    "nope_missing && echo x",
    "echo ${x!y}",
    "readonly R=1; R=2",
    "let 'x=1/0'",
    "((x = 08))",
    "[[ a =~ ( ]]",
    "declare -i n=08",
    "cd /nowhere",
    "set +e; false",
    "set +e\n[ -f nope ] && echo x",
    "set +e; nope_missing",
    "set +e; (exit 9)",
    "set +e\nfalse\ntrue",
    "set +e; true; exit",
    'true & wait "$!"',
    'false & wait "$!"',
    '{ sleep 0; exit 3; } & wait "$!" || echo "w $?"',
    "exec true",
    "exec sh -c 'exit 3'",
    "exec sh -c 'echo replaced'",
    "exec ./tool.sh x",
    "exec /nowhere/x",
    "exec 2>/dev/null; nope_missing",
    "kill -TERM $$",
    "kill -INT $$; echo on",
    "echo end; : \\",
    "cat data.txt |",
    "echo x &&",
    "true ||",
    "if true; then",
    "while true; do",
    "cat > made.txt <<E\nline",
    "cat <<E\nline ${x-}",
    "echo 'open",
    'echo "open',
    "echo $(echo",
    "f() {",
    "(",
    "{ echo a",
    "case x in",
    "echo x;;",
    "fi",
    "done",
    "# the end",
    "echo last \\\n",
    "echo no newline at the end of $(printf file)",
    'while read -r l; do [ "$l" = nope ] && echo x; done < data.txt',
    "until ! [ -f nope ]; do :; done",
    "if [ -f nope ]; then echo x; fi",
    "[ -f nope ] && { echo x; exit 1; }",
    "test -z x && echo x; wait",
    "time [ -f nope ] 2>/dev/null && echo x",
    "[ -f nope ] & wait",
    "command [ -f nope ] && echo x",
    "builtin test -f nope && echo x",
    "echo 'two\nlines'",
    "set -x; [ -f nope ] && echo x",
    "set -x\necho traced",
    'shopt -s lastpipe; echo x | read -r y; echo "${y-}"',
    "[ -f nope ] && echo x; [ -f nope2 ] && echo y",
    "PATH=; [ -f nope ] && echo x",
    "x=1; ((x == 2)) && echo x",
    "x=1; ((x--))",
    "((i = 0)) || true",
    "let i=0",
    "let i=0 || true",
    "expr 0 >/dev/null && echo x",
    "read -r x < /dev/null",
    "read -r x < /dev/null || true",
    "mapfile -t a < <(false); echo ${#a[@]}",
    "diff data.txt lib.sh >/dev/null && echo same",
    "type nope_missing >/dev/null 2>&1 && echo x",
    "command -v nope_missing >/dev/null && echo x",
    "wait; jobs",
    "yes | head -n 1",
    "cat data.txt | head -n 1 >/dev/null",
)


class Bash:
    """One body in the making. Keys are numbered, so that no two statements set the same one."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.number = 0

    def key(self) -> str:
        self.number += 1
        return f"k{self.number}"

    def spelled(self, command: str, arguments: str) -> str:
        """A command and its arguments in one of the ways to write them."""
        spelling = self.draw.choice(SPELLINGS)
        word = spelling.format(command, first=command[0], rest=command[1:])
        n = self.draw.randrange(14)
        if n == 0:
            return f"c={command}; $c {arguments}"
        if n == 1:
            return f'run() {{ "$@"; }}; run {command} {arguments}'
        if n == 2:
            return f"e=eval; $e '{command} {arguments}'" if "'" not in arguments else f"{command} {arguments}"
        if n == 3 and "'" not in arguments:
            return f"eval '{command} {arguments}'"
        if n == 4 and "\n" not in arguments:
            return f"shopt -s expand_aliases\nalias go='{command}'\ngo {arguments}"
        before = self.draw.choice(BEFORE)
        if before == "! ! ":
            return f"! ! {word} {arguments}"
        before = before.replace("{0}", "v")
        if command != "set" and self.draw.random() < 0.05:
            return f"{{ time -p {word} {arguments}; }} 2>/dev/null"
        return f"{before}{word} {arguments}"

    def sets(self) -> str:
        """Something that hands a value over."""
        k = self.key()
        ways = (
            f"OUTPUT[{k}]=v",
            f'OUTPUT[{k}]="$(echo v | cat)"',
            f"OUTPUT[{k}]='two\nlines'",
            f"OUTPUT['{k} x']=v",
            f'OUTPUT["{k}"]=v',
            f"key={k}; OUTPUT[$key]=v",
            f"OUTPUT[{k}]+=a; OUTPUT[{k}]+=b",
            f"OUTPUT+=([{k}]=v [{k}b]=w)",
            f"A=1 OUTPUT[{k}]=v",
            f"OUTPUT[{k}]=v >/dev/null",
            f"printf -v 'OUTPUT[{k}]' '%s' v",
            f'printf -v "OUTPUT[{k}]" v',
            f"command printf -v 'OUTPUT[{k}]' v",
            f"builtin printf -v 'OUTPUT[{k}]' v",
            f"read -r 'OUTPUT[{k}]' <<< v",
            f'n=OUT; read -r "${{n}}PUT[{k}]" <<< v',
            f'declare "OUTPUT[{k}]=v"',
            f"declare -g 'OUTPUT[{k}]=v'",
            f"typeset 'OUTPUT[{k}]'=v",
            f"eval 'OUTPUT[{k}]=v'",
            f'eval "OUT""PUT[{k}]=v"',
            f'eval "OUTPUT[{k}]=$((1 + 1))"',
            f"declare -n o{k}=OUTPUT; o{k}[{k}]=v",
            f"n=OUT; n+=PUT; declare -n o{k}=$n; o{k}[{k}]=v",
            f"put() {{ local -n m=OUTPUT; m[{k}]=v; }}; put",
            f'put() {{ local -n m=$1; m[{k}]=v; }}; put "OUT"PUT',
            f"put() {{ OUTPUT[$1]=$2; }}; put {k} v",
            f"put() {{ OUTPUT[$1]=$2; }}\nput \\\n  {k} v",
            f"((OUTPUT[{k}] = 3))",
            f"((OUTPUT[{k}] += 3)) || true",
            f"let 'OUTPUT[{k}]=2'",
            f": $((OUTPUT[{k}] = 1))",
            f': "${{OUTPUT[{k}]:=v}}"',
            f"[[ OUTPUT[{k}]=1 -eq 1 ]]",
            f"OUTPUT[{k}]=${{INPUT[src.v]}}",
            f"for x in a b; do OUTPUT[{k}$x]=$x; done",
            f"while read -r l; do OUTPUT[{k}$l]=1; done < data.txt",
            f"cb() {{ OUTPUT[{k}]=$2; }}; mapfile -C cb -c 1 -t m < data.txt",
            f"mapfile -C 'OUTPUT[{k}]=1; :' -c 1 m < data.txt",
            f"getopts a: 'OUTPUT[{k}]' -a 1",
            f"p='$((OUTPUT[{k}]=4))'; : \"${{p@P}}\"",
            f"p='OUTPUT[{k}]=5'; : $((p))",
            f'x=OUTPUT; printf -v "$x[{k}]" v',
            f"OUTPUT[{k}]=v; unset 'OUTPUT[{k}]'",
            f"OUTPUT[{k}]=v\nOUTPUT[{k}]=again",
            f"export OTTO_{k.upper()}=v",
            f"export OTTO_{k.upper()}=v OTHER=1",
            f"declare -x OTTO_{k.upper()}=v",
            f"typeset -x OTTO_{k.upper()}=v",
            f"OTTO_{k.upper()}=v; export OTTO_{k.upper()}",
            f"set -a; OTTO_{k.upper()}=v; set +a",
            f'n=OTTO; export "${{n}}_{k.upper()}=v"',
            f"e=export; $e OTTO_{k.upper()}=v",
            f'export "OTTO_{k.upper()}=a b"; OTTO_{k.upper()}+=c',
            f"export OTTO_{k.upper()}=v; unset OTTO_{k.upper()}",
            f"export OTTO_{k.upper()}=v; export -n OTTO_{k.upper()}",
            f"f() {{ declare -gx OTTO_{k.upper()}=v; }}; f",
            f"printf -v OTTO_{k.upper()} v; export OTTO_{k.upper()}",
            f"read -r OTTO_{k.upper()} <<< v; declare -x OTTO_{k.upper()}",
            f"export OTTO_{k.upper()}\nOTTO_{k.upper()}=later",
            f"otto.set {k} v",
            f"otto_set {k} 'a b'",
            f'otto.set {k} "$(echo v)"',
            f'OTTO_OUTPUT+=("{k}=v")',
            f"OUTPUT[{k}]=$'caf\\xc3\\xa9'",
            f"OUTPUT[{k}]=",
            f"wait; OUTPUT[{k}]=$?",
            f"OUTPUT[{k}]=v & wait; OUTPUT[{k}]=w",
            f"select x in a; do OUTPUT[{k}]=$x; break; done <<< 1 2>/dev/null",
            f"shopt -s lastpipe; echo v | read -r 'OUTPUT[{k}]'",
            f"declare -A OUTPUT; OUTPUT[{k}]=v",
            f"declare -A OUTPUT+=([{k}]=v)",
        )
        return self.draw.choice(ways)

    def loses(self) -> str:
        """An assignment in a copy of the shell, in the ways that are hard to see."""
        inner = self.sets()
        if "\n" in inner and self.draw.random() < 0.8:
            inner = f"OUTPUT[{self.key()}]=v"
        return self.draw.choice(COPIES).format(inner)

    def reads(self) -> str:
        ways = (
            'echo "${INPUT[src.v]}"',
            'export X="${INPUT[src.v]}"; printenv X',
            'declare -x X="${INPUT[src.v]}"\necho "$X"',
            '[ -x "${INPUT[src.v]}" ] || echo not',
            'grep -x "${INPUT[src.v]}" data.txt || echo none',
            'echo "${INPUT[src.nope]-none}"',
            'echo "${INPUT[src.nope]:+there}"',
            'k=src.v; echo "${INPUT[$k]}"',
            'echo "${INPUT[src.key with blank]}"',
            'declare -n i=INPUT; echo "${i[src.v]}"',
            'n=IN; n+=PUT; declare -n i=$n; echo "${i[src.n]}"',
            "eval 'echo \"${INPUT[src.v]}\"'",
            'eval echo "\\${IN""PUT[src.v]}"',
            "cat <<E\n${INPUT[src.v]}\nE",
            "cat <<'E'\n${INPUT[src.v]}\nE",
            "echo $((INPUT[src.n] + 1))",
            "((INPUT[src.n] > 5)) && echo more",
            "[[ ${INPUT[src.v]} == 1.* ]] && echo one",
            "case ${INPUT[src.v]} in 1.*) echo one ;; esac",
            'v=${INPUT[src.v]%.*}; echo "$v"',
            'echo "${INPUT[src.v]#1.}"',
            "x=${INPUT[src.v]} printenv x",
            'echo "$OTTO_SRC_MODE"',
            "otto.get src.v",
            'x=$(otto.get src.v); echo "$x"',
            "otto_get src.n",
            'echo "${#INPUT[src.v]}"',
            'for k in "${!INPUT[@]}"; do echo "$k"; done | grep -c "^src[.][a-z]*$"',
            'show() { echo "${INPUT[src.$1]}"; }; show v',
            '(echo "${INPUT[src.v]}")',
            'echo "${INPUT[src.v]}" | cat',
            'echo "${INPUT[src.nope]}"',
            '[ "${INPUT[src.v]+x}" ] && echo there',
            '! [ -x "${INPUT[src.v]}" ]',
            'if [ "${INPUT[src.v]}" != 1.2.3 ]; then echo wrong; fi',
            "trap 'echo \"${INPUT[src.v]}\"' EXIT",
            "p='${INPUT[src.v]}'; echo \"${p@P}\"",
            'INPUT[src.v]=changed; echo "${INPUT[src.v]}"',
            "declare -p INPUT >/dev/null && echo declared",
        )
        return self.draw.choice(ways)

    def loads(self) -> str:
        n = self.draw.randrange(12)
        if n == 0:
            return ". <(cat lib.sh)"
        if n == 1:
            return 'eval "$(cat lib.sh)"'
        if n == 2:
            return 's=./lib.sh; . "$s"'
        if n == 3:
            return "[ -f lib.sh ] &&\n. ./lib.sh"
        if n == 4:
            return "source /dev/stdin <<< 'OUTPUT[st]=1; export OTTO_ST=2'"
        if n == 5:
            return "echo 'OUTPUT[mk]=1' > mk.sh; . ./mk.sh"
        file = self.draw.choice(
            ("./lib.sh", "./lib.sh", "./lib.sh", "lib.sh", "./exit.sh", "./no.sh", '"$PWD/lib.sh"')
        )
        return self.spelled(self.draw.choice((".", "source")), file)

    def traps(self) -> str:
        signals = self.draw.choice(SIGNALS)
        handler = self.draw.choice(HANDLERS).format(key=self.key(), n=self.number)
        text = self.draw.choice(TRAPS)
        text = text.format(h=handler, s=signals, s1=signals.split()[0], key=self.key())
        if handler == "cleanup" and "cleanup()" not in text:
            text = f"cleanup() {{ echo cleaning; OUTPUT[{self.key()}]=c; }}\n{text}"
        return text

    def settings(self) -> str:
        if self.draw.random() < 0.25:
            options = self.draw.choice(
                ("+e", "+u", "-x", "+x", "-f", "-E", "-T", "-a", "+o pipefail", "-o pipefail")
            )
            return self.spelled("set", options)
        return self.draw.choice(SETTINGS)

    def hands_off(self) -> str:
        """An `exec` or an `exit` in one of its spellings, perhaps never reached."""
        command, arguments = self.draw.choice(
            (
                ("exec", "true"),
                ("exec", "./tool.sh x"),
                ("exec", "3>&1"),
                ("exit", "0"),
                ("exit", "4"),
                ("exit", ""),
            )
        )
        text = self.spelled(command, arguments).rstrip()
        return self.draw.choice(
            ("{}", "{}", "[ -f nope ] && {{ {}; }}; :", "if false; then {}; fi", "( {} ) || true")
        ).format(text)

    def statement(self, depth: int) -> str:
        kinds: tuple[tuple[int, Callable[[], str]], ...] = (
            (6, lambda: self.draw.choice(OUTSIDE)),
            (7, self.sets),
            (4, self.reads),
            (3, self.loads),
            (4, self.traps),
            (4, self.settings),
            (3, self.loses),
            (1, self.hands_off),
        )
        makers = [maker for weight, maker in kinds for _ in range(weight)]
        text = self.draw.choice(makers)()
        if depth and self.draw.random() < 0.2:
            simple = "<<" not in text and "#" not in text
            if simple and "\n" not in text:
                around = self.draw.choice(AROUND)
                text = around.format(text)
        return text

    def text(self) -> str:
        count = self.draw.choice((1, 1, 2, 2, 3, 3, 4, 5, 7))
        statements = [self.statement(1) for _ in range(count)]
        end = self.draw.choice(ENDS)
        text = "\n".join([*statements, end] if end else statements)
        return text if self.draw.random() < 0.4 else text + "\n"


def body(seed: int, number: int) -> Body:
    return Body("bash", Bash(random.Random(f"bash {seed} {number}")).text())
