"""What counts as a difference. Each way in which otto may differ from plain bash or Python is a rule with its
reason."""

from __future__ import annotations

import re
from collections.abc import Callable

from model import Body, Outcome, without_places

# The commands that are tests: the only ones whose "no" may end a list of bash without failing the task.
TEST = re.compile(r"(! )*(\[ |\[\[ |test |\(\()")
# What bash before 4.2 notes of the line behind a body, and of otto's `exit`.
OLD_LAST = ('builtin return "$1"', "builtin exit")
# How a body of an old bash ends past that line: here-documents, an `exit` past otto's.
PAST_OLD_LAST = re.compile(r"<<-?\s*['\"]?E\b|(builtin|command)\b[^\n]*exit|exit *\(\)")
# A body that ends with a loop over lines that ends with a test.
LINES = re.compile(r"while (IFS=\S* )?read [^;]*; do (\[ |\[\[ |test )[^;]*; done[^;\n]*\n*$")


def differences(
    body: Body,
    plain: Outcome,
    otto: Outcome,
    goes_on: Callable[[Body], Outcome],
    is_old: bool = False,
) -> dict[str, str]:
    """Kind and description of each difference. `goes_on` is what plain bash does with a further line;
    `is_old`: otto takes bash for one before 4.2."""
    if plain.timed_out or otto.timed_out:
        return {}
    found: dict[str, str] = {}
    forgiven = plain
    if plain.status != otto.status and may_be_forgiven(body, plain, otto):
        forgiven = goes_on(body)
    if is_old and "can only `return'" in plain.stderr and otto.status != 0:
        # Documented: after `exit`, a handler of an old bash runs in a function of otto's.
        return found
    if otto.status not in (plain.status, forgiven.status) and not debugs_past_otto(body):
        found["status"] = f"{plain.status} ≠ {otto.status}"
    for kind in ("stdout", "stderr", "files"):
        expected, actual = getattr(plain, kind), getattr(otto, kind)
        going_on = getattr(forgiven, kind)
        if kind == "stderr":
            going_on = without_further(going_on)
        if forgiven.status == 0 and going_on == actual:
            # A handler for EXIT sees the status that otto makes of it.
            continue
        if kind == "stdout" and passes_trap(body) and "otto__" in actual:
            # Documented: `builtin trap` and `command trap` show otto's part of the handlers.
            expected, actual = without_handlers(expected), without_handlers(actual)
        if kind in ("stdout", "stderr") and is_old and re.search("DEBUG|RETURN", body.text):
            # Documented: before 4.2 a line of otto's stands behind the body.
            continue
        if kind in ("stdout", "stderr") and debugs_past_otto(body):
            # Documented: a handler for DEBUG that was set past otto's `trap` runs before otto's commands too.
            continue
        if kind == "stderr" and is_old:
            # Documented: that line is shown.
            actual = re.sub(r"^[+>]+ builtin exit(\n|$)", "", actual, flags=re.M)
        if kind in ("stdout", "stderr") and (is_old or passes_trap(body)):
            # Documented: what a handler complains about after `exit` is then said of otto's `exit`.
            expected, actual = without_files(expected), without_files(actual)
        if kind != "files" and "> >(" in body.text:
            # Nobody waits for the process that writes it, and it is stopped on either side.
            continue
        if kind == "stdout" and "jobs" in body.text:
            # Whether `wait` or `jobs` learns first that one has ended, is a race in bash.
            expected, actual = without_jobs(expected), without_jobs(actual)
        if kind == "stdout" and "2>&1" in body.text:
            expected, actual = without_places(expected), without_places(actual)
        if kind == "stderr" and traces_functions(body):
            expected, actual = without_trace(expected), without_trace(actual)
        if kind == "stdout" and "BASH_COMMAND" in body.text:
            expected, actual = without_compound(body, expected, actual)
        if kind == "stderr" and body.language == "python":
            actual = without_warning(actual)
            if "RecursionError" in actual:
                # Where in a line the last level is reached depends on the levels that are otto's.
                expected, actual = without_frames(expected), without_frames(actual)
        if expected != actual:
            found[kind] = f"{expected!r} ≠ {actual!r}"
    is_refused = otto.status == 0 and not otto.succeeded
    if is_old and is_refused and PAST_OLD_LAST.search(body.text) and "never saved" in "".join(otto.told):
        # Documented: the task fails, and says that its outputs were not saved.
        return found
    if is_refused and not may_be_refused(body, plain, otto):
        found["refused"] = "; ".join(otto.told) or "failed without a word"
    expected, actual = (
        {key: without_places(value) if isinstance(value, str) else value for key, value in outputs.items()}
        for outputs in (plain.outputs, otto.outputs)
    )
    expected = {key: value for key, value in expected.items() if key not in plain.problems}
    actual = {key: value for key, value in actual.items() if key not in plain.problems}
    if plain.how != "exit":
        # The process was replaced or ended on the spot, before it could hand anything over. Then otto fails
        # the task and says why; a program that fails says enough by that. A signal leaves no record.
        is_told = is_old and any(said.startswith("E0701") for said in otto.told)
        if plain.how and otto.succeeded and not is_within(expected, actual) and not is_told:
            found["outputs"] = f"{expected} were lost with `{plain.how}`, and otto calls it a success"
    elif (
        is_told_with_exec(body, plain, otto)
        or is_told_with_trap(body, otto)
        or is_old
        and (is_lost_with_a_failure(otto, expected, actual) or "DEBUG" in body.text)
    ):
        pass
    elif expected != actual and not plain.is_spoilt and not plain.is_hidden:
        found["outputs"] = f"{expected} ≠ {actual}"
    silent = [key for key in plain.lost if key not in otto.outputs and key not in plain.outputs]
    if silent and otto.succeeded and not any(said.startswith("E07") for said in otto.told):
        found["loss"] = f"{', '.join(silent)} lost without a word"
    return found


def is_told_with_exec(body: Body, plain: Outcome, otto: Outcome) -> bool:
    """Documented: bash drops every trap before an `exec` that fails; a warning says what that costs."""
    has_failed = "exec" in body.text and plain.status in (126, 127)
    return has_failed and any(said.startswith("E0701") for said in otto.told)


def passes_trap(body: Body) -> bool:
    """Whether it may set or show a handler past otto's `trap`, as in POSIX mode too."""
    text = re.sub(r"[\"'\\$]", "", body.text)
    return bool(re.search(r"\b(builtin|command)\b( +(-p|--))* +(trap|t\b)", text)) or (
        bool(re.search(r"posix|POSIX", text)) and "trap" in text
    )


def debugs_past_otto(body: Body) -> bool:
    return passes_trap(body) and "DEBUG" in body.text


def without_handlers(text: str) -> str:
    return re.sub(r"trap -- '(?:[^']|'\\'')*' (?:EXIT|ERR|RETURN|DEBUG)(?:\n|$)", "", text)


def without_jobs(text: str) -> str:
    return re.sub(r"^\[\d+\][-+]? +Done .*\n", "", text, flags=re.M)


def without_files(text: str) -> str:
    return re.sub(r"^\S*/(?:start|exit)\.sh: line \d+: ", "PLACE: ", text, flags=re.M)


def is_told_with_trap(body: Body, otto: Outcome) -> bool:
    """Documented: what a handler sets that was set past otto's `trap` right before the end is not recorded; a
    warning, or if the task would succeed an error, says so."""
    return passes_trap(body) and any("set last may be lost" in said for said in otto.told)


def is_lost_with_a_failure(otto: Outcome, expected: dict[str, object], actual: dict[str, object]) -> bool:
    """Documented: before bash 4.2 what a script sets is not recorded if it fails; what a subshell set is."""
    return otto.status != 0 and is_within(actual, expected)


def is_within(some: dict[str, object], more: dict[str, object]) -> bool:
    return all(more.get(key) == value for key, value in some.items())


def may_be_forgiven(body: Body, plain: Outcome, otto: Outcome) -> bool:
    """Documented: a body whose last command is a test that says no, at the end of a list, is no failure.
    It is the end only if bash would have gone on to a further line."""
    says_no = plain.status == 1 and otto.status == 0 and plain.how == "exit"
    is_of_lines = plain.last_command.startswith(("read ", "IFS=")) and bool(LINES.search(body.text))
    is_test = bool(TEST.match(plain.last_command)) or is_of_lines
    return body.language == "bash" and says_no and is_test


def traces(body: Body) -> bool:
    return body.language == "bash" and bool(re.search(r"(^|\s)-\w*x\b|xtrace", body.text))


def traces_functions(body: Body) -> bool:
    """Under `set -x` a call of a function of otto's shows what is in it, on either side."""
    return traces(body) and bool(re.search(r"otto[._][sg]et", body.text))


def runs_at_once(body: Body) -> bool:
    return bool(re.search(r"[|&]|[<>]\(|coproc", body.text))


def without_further(text: str) -> str:
    """Without the trace of the line that asks whether bash goes on."""
    return re.sub(r"^\++ case \$- in\n", "", text, flags=re.M)


def without_compound(body: Body, expected: str, actual: str) -> tuple[str, str]:
    """Documented: with a handler for ERR, which otto has, bash notes a compound command that failed; without
    one it keeps the simple command before it. In a handler for RETURN, otto's `trap` may be the last one."""
    pairs = list(zip(expected.split("\n"), actual.split("\n")))
    compound = re.compile(r"\( |\{ |for |while |until |if |case |select |\(\(|\[\[")
    text = squeezed(body.text)

    def is_noted(line: str) -> bool:
        is_of_body = bool(compound.match(line)) and squeezed(line) in text
        is_of_otto = line == "otto__traced=" and "RETURN" in body.text or line in OLD_LAST
        return is_of_body or is_of_otto

    same = [(one, one if is_noted(other) else other) for one, other in pairs]
    is_whole = expected.count("\n") == actual.count("\n")
    return (expected, "\n".join(other for _, other in same)) if is_whole else (expected, actual)


def squeezed(text: str) -> str:
    return re.sub(r"[\s;]", "", text)


def without_frames(text: str) -> str:
    return re.sub(r"^  .*\n", "", text, flags=re.M)


def without_trace(text: str) -> str:
    return re.sub(r"^(\++|>+) .*\n", "", text, flags=re.M)


def without_warning(text: str) -> str:
    """Documented: a process that the script started says that what it sets in OUTPUT is not recorded."""
    return re.sub(r"^otto: .*: OUTPUT is set in a child process, .*\n", "", text, flags=re.M)


def may_be_refused(body: Body, plain: Outcome, otto: Outcome) -> bool:
    """Documented: a task fails although its process ended with 0 where its outputs cannot be had. E0701: it
    became another program, and its text sets outputs where that is not provably too late. E0709: OUTPUT is no
    associative array any more, or a variable of a function hides it. E0703: a value of Python has no JSON."""
    sets = bool(re.search(r"OUTPUT|OTTO_|otto[._]", body.text))
    is_replaced = plain.how != "exit" and (bool(plain.outputs) or not plain.how or sets)
    reasons = {
        "E0701": is_replaced,
        "E0709": plain.is_spoilt or plain.is_hidden,
        "E0703": bool(plain.problems),
    }
    # Documented: the same where a handler for EXIT was set past otto right before the end.
    reasons["E0701"] |= is_told_with_trap(body, otto)
    codes = {said.partition(":")[0] for said in otto.told}
    return any(is_so and code in codes for code, is_so in reasons.items())
