"""Runs bodies under plain bash and plain Python, with nothing added to their text."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from model import INPUT_EXPORT, INPUTS, Body, Outcome, without_places

HERE = Path(__file__).resolve().parent
SECONDS = 20

# What otto defines before a body, in the simplest words. `otto.set` writes to a file at once.
BASH_START = r"""
unset BASH_ENV
declare -A OUTPUT=() INPUT=()
OTTO_OUTPUT=()
OTTO_INPUT=()
%s
otto.set() { /usr/bin/printf '%%s\0%%s\0' "$1" "$2" >> "$PLAIN_JOURNAL"; }
otto_set() { otto.set "$@"; }
otto.get() { /usr/bin/printf '%%s\n' "${INPUT[$1]}"; }
otto_get() { otto.get "$@"; }
PLAIN_JOURNAL=%s
set -euo pipefail
"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


class Plain:
    """The reference. `folder` is for its files, `fixtures` makes the files that every body finds."""

    def __init__(self, folder: Path, environment: dict[str, str], fixtures) -> None:
        self.folder = folder
        self.environment = environment
        self.fixtures = fixtures
        self.witness = folder / "witness.so"

    def build(self) -> None:
        """Compiles the witness. Without a C compiler there is no reference, and that is an error."""
        command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(self.witness), str(HERE / "witness.c"), "-ldl"]
        subprocess.run(command, check=True)
        tried = self.run(Body("bash", "OUTPUT[k]=v\n(OUTPUT[k]=w)\n"), "tried")
        if (tried.how, tried.outputs, tried.lost) != ("exit", {"k": "v"}, ["k"]):
            raise RuntimeError(f"the witness sees nothing in this bash: {tried}")

    def run(self, body: Body, name: str) -> Outcome:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        work = place / "work"
        work.mkdir(parents=True)
        self.fixtures(work)
        return (self.bash if body.language == "bash" else self.python)(body, place, work)

    def start(
        self, command: list[str], place: Path, work: Path, extra: dict[str, str]
    ) -> tuple[int, bool, str, str]:
        environment = {**self.environment, **extra, "PWD": str(work), "OTTO_TASK_DIR": str(place)}
        with open(place / "stdout", "wb") as out, open(place / "stderr", "wb") as err:
            process = subprocess.Popen(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            timed_out = False
            try:
                status = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                timed_out, status = True, 0
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        status = 128 - status if status < 0 else status
        texts = [(place / name).read_text(errors="surrogateescape") for name in ("stdout", "stderr")]
        return status, timed_out, texts[0], texts[1]

    def bash(self, body: Body, place: Path, work: Path) -> Outcome:
        script = place / "body.sh"
        script.write_text(body.text)
        start = place / "start.sh"
        inputs = "\n".join(f"INPUT[{quoted('src.' + k)}]={quoted(v)}" for k, v in INPUTS.items())
        inputs += f"\nINPUT[src.{INPUT_EXPORT[0]}]={INPUT_EXPORT[1]}"
        start.write_text(BASH_START % (inputs, quoted(str(place / "journal"))))
        record = place / "record"
        status, timed_out, out, err = self.start(
            ["bash", str(script)],
            place,
            work,
            {"LD_PRELOAD": str(self.witness), "WITNESS": str(record), "BASH_ENV": str(start)},
        )
        outcome = Outcome(status, out, without_places(err), timed_out=timed_out, files=files(work))
        given = {**self.environment, "OTTO_TASK_DIR": str(place)}
        read_record(record, given, outcome)
        journal = place / "journal"
        if journal.exists():
            fields = journal.read_text(errors="surrogateescape").split("\0")
            told = dict(zip(fields[0::2], fields[1::2]))
            outcome.outputs = {**told, **outcome.outputs}
        return outcome

    def python(self, body: Body, place: Path, work: Path) -> Outcome:
        # Python looks for modules in the folder of the script; under otto that is the working directory.
        script = work / "body.py"
        script.write_text(body.text)
        record = place / "record"
        record_folder = place / "site"
        record_folder.mkdir()
        shutil.copy(HERE / "python_witness.py", record_folder / "sitecustomize.py")
        status, timed_out, out, err = self.start(
            ["python3", str(script)],
            place,
            work,
            {"PYTHONPATH": str(record_folder), "WITNESS": str(record), "WITNESS_INPUTS": json.dumps(INPUTS)},
        )
        script.unlink(missing_ok=True)
        outcome = Outcome(status, out, without_places(err), timed_out=timed_out, files=files(work))
        if record.exists():
            lines = record.read_text().splitlines()
            records = [json.loads(line) for line in lines]
            last = [record for record in records if "how" in record][-1]
            for record in records:
                if "late" in record:
                    last["outputs"][record["late"]] = record["value"]
            outcome.how = last["how"]
            outcome.is_spoilt = last["is_spoilt"]
            outcome.outputs = last["outputs"]
            outcome.problems = last["problems"]
            for key, value in last["exports"].items():
                if self.environment.get(key) != value:
                    outcome.outputs.setdefault(key, value)
        return outcome


def files(folder: Path) -> dict[str, str]:
    """Path and content of each file, and of each link where it leads."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = "-> " + os.readlink(path)
        elif path.is_file():
            found[name] = without_places(path.read_text(errors="surrogateescape"))
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = "other"
    return found


def read_record(path: Path, given: dict[str, str], outcome: Outcome) -> None:
    """Fills in what the witness of a bash wrote down. The last record of the shell itself counts."""
    if not path.exists():
        return
    for entry in path.read_text().split("end\n"):
        lines = entry.splitlines()
        if not lines:
            continue
        if lines[0] == "lost":
            middle = lines.index("now")
            was, now = variables(lines[1:middle], given), variables(lines[middle + 1 :], given)
            changed = [key for key in now if now[key] != was.get(key)]
            outcome.lost += [key for key in changed if key not in outcome.lost]
            continue
        how, spoilt, hidden = lines[0].split()
        outcome.how = how
        outcome.is_spoilt, outcome.is_hidden = spoilt != "0", hidden != "0"
        outcome.last_command = decoded(lines[1].split(" ")[2])
        outcome.outputs = variables(lines[2:], given)


def decoded(digits: str) -> str:
    return bytes.fromhex(digits).decode(errors="surrogateescape")


def variables(lines: list[str], given: dict[str, str]) -> dict[str, object]:
    """The values that the lines of a record amount to, later kinds over earlier ones as otto has it."""
    older: dict[str, object] = {}
    keys: dict[str, object] = {}
    exports: dict[str, object] = {}
    for line in lines:
        kind, name, value = line.split(" ")
        name, value = decoded(name), decoded(value)
        if kind == "L":
            key, equals, rest = value.partition("=")
            if equals:
                older[key] = rest
        elif kind == "O":
            keys[name] = value
        elif given.get(name) != value:
            exports[name] = value
    return {**older, **keys, **exports}
