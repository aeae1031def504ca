"""Compares otto with plain bash and plain Python on random bodies.

usage: python3 tests/differential --bash 20000 --python 5000 [--otto PATH] [--seed N] [--level 4.0]

A body of a seed and a number is always the same one: `--seed 1 --only 17` runs it alone.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bash_bodies
import python_bodies
from model import Body, Outcome
from plain import Plain
from rules import differences, runs_at_once
from shrink import shrunk
from under_otto import UnderOtto

ROOT = Path(__file__).resolve().parents[2]

FIXTURES = {
    "lib.sh": "export OTTO_LIB=from-lib\nOUTPUT[lib]=1\nlib_loaded=yes\n",
    "exit.sh": "OUTPUT[e]=1\nexit 6\n",
    "no.sh": "false\n",
    "tool.sh": '#!/bin/sh\necho tool "$@"\n',
    "data.txt": "one\ntwo\nthree\n",
    "helper.py": "VALUE = 42\n\n\ndef double(x):\n    return 2 * x\n",
}


def fixtures(level: str | None):
    """What makes the files that every body finds."""
    texts = dict(FIXTURES)
    if has_no_arrays(level):
        for name in ("lib.sh", "exit.sh"):
            texts[name] = re.sub(r"OUTPUT\[(\w+)\]=", r"otto.set \1 ", texts[name])

    def make(folder: Path) -> None:
        for name, text in texts.items():
            (folder / name).write_text(text)
        (folder / "tool.sh").chmod(0o755)

    return make


def has_no_arrays(level: str | None) -> bool:
    return (level or "5").startswith("3")


def environment() -> dict[str, str]:
    """Of every body, on both sides."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OTTO_SRC_MODE": "fast",
    }


# Of any file that a body writes: a random body may be one without an end.
MOST_BYTES = 16 << 20


def limit() -> None:
    """For this process and all that it starts, which otto starts with every signal at its default."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        # A shell ignores them for what runs in its background.
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# How often plain bash is asked for an order that otto showed.
REPETITIONS = 20


class Comparison:
    def __init__(self, otto: Path, folder: Path, level: str | None, jobs: int) -> None:
        self.is_old = level is not None and [int(part) for part in level.split(".")] < [4, 2]
        given = environment()
        files = fixtures(level)
        self.plain = Plain(folder / "plain", given, files)
        self.plain.folder.mkdir(parents=True)
        self.plain.build()
        own = {key: value for key, value in given.items() if not key.startswith("OTTO_")}
        self.otto = UnderOtto(otto, folder / "otto", own, files, level)
        self.jobs = jobs
        self.pool = ThreadPoolExecutor(jobs)

    def run(self, bodies: list[Body]) -> list[dict[str, str]]:
        plain = self.pool.map(lambda pair: self.plain.run(pair[1], f"b{pair[0]}"), enumerate(bodies))
        outcomes = self.otto.run(bodies, self.jobs)
        return [
            self.differences(body, expected, actual)
            for body, expected, actual in zip(bodies, plain, outcomes)
        ]

    def differences(self, body: Body, expected: Outcome, actual: Outcome) -> dict[str, str]:
        """What differs each time, where parts of a body run at once and write when they come to it."""
        found = differences(body, expected, actual, self.goes_on, self.is_old)
        for _ in range(REPETITIONS if runs_at_once(body) else 0):
            if not found or not found.keys() <= {"stdout", "stderr"}:
                break
            expected = self.plain.run(body, "again")
            found = differences(body, expected, actual, self.goes_on, self.is_old)
        return found

    def goes_on(self, body: Body) -> Outcome:
        """What bash does when a line follows that succeeds if it is reached with `set -e` still on."""
        further = "\ncase $- in *e*) ;; *) builtin exit 77 ;; esac\n"
        return self.plain.run(Body(body.language, body.text + further), "further")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bash", type=int, default=0, metavar="N", help="how many bash bodies")
    parser.add_argument("--python", type=int, default=0, metavar="N", help="how many Python bodies")
    parser.add_argument("--otto", type=Path, default=ROOT / "target" / "debug" / "otto", help="the program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="I", help="the body of this number alone")
    parser.add_argument("--level", help="the version of bash that otto is to assume, such as 4.0")
    parser.add_argument(
        "--shrink", type=int, default=20, metavar="N", help="how many differing bodies to shrink"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="bodies at a time on each side")
    parser.add_argument("--show", action="store_true", help="print the bodies and run nothing")
    chosen = parser.parse_args()
    limit()
    folder = Path(tempfile.mkdtemp(prefix="differential."))
    try:
        return run(chosen, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(chosen: argparse.Namespace, folder: Path) -> int:
    made = [(bash_bodies.body, number) for number in range(chosen.bash)]
    made += [(python_bodies.body, number) for number in range(chosen.python)]
    if chosen.only is not None:
        made = [(make, number) for make, number in made if number == chosen.only] or [
            (python_bodies.body if chosen.python else bash_bodies.body, chosen.only)
        ]
    if chosen.show:
        for make, number in made:
            print(f"── {number}\n{make(chosen.seed, number).text}")
        return 0
    comparison = Comparison(chosen.otto.resolve(), folder, chosen.level, chosen.jobs)
    compared = 0
    differing: list[tuple[int, Body, dict[str, str]]] = []
    for start in range(0, len(made), 200):
        part = [(number, make(chosen.seed, number)) for make, number in made[start : start + 200]]
        # Where bash has no associative arrays, a body that speaks of them is refused before it runs.
        if has_no_arrays(chosen.level):
            part = [(number, body) for number, body in part if "PUT" not in body.text]
        found = comparison.run([body for _, body in part])
        compared += len(part)
        new = [(number, body, what) for (number, body), what in zip(part, found) if what]
        differing += new
        # A long run may be stopped before its end.
        for number, body, what in new:
            print(f"{body.language} --seed {chosen.seed} --only {number}: {', '.join(what)}", file=sys.stderr)
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{compared} bodies, {len(differing)} differ", end=end, file=sys.stderr, flush=True)
    seen: set[str] = set()
    for number, body, what in differing[: chosen.shrink]:
        kinds = set(what)

        def still_differs(bodies: list[Body], kinds: set[str] = kinds) -> list[bool]:
            return [set(other) == kinds for other in comparison.run(bodies)]

        small = shrunk(body, still_differs)
        if small.text in seen:
            continue
        seen.add(small.text)
        what = comparison.run([small])[0] or what
        print(f"\n── {body.language} --seed {chosen.seed} --only {number}\n{small.text}")
        for kind, text in what.items():
            print(f"   {kind}: {text}")
    for number, body, what in differing[chosen.shrink :]:
        print(f"\n── {body.language} --seed {chosen.seed} --only {number}")
        for kind, text in what.items():
            print(f"   {kind}: {text}")
    print(f"{compared} bodies, {len(differing)} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
