"""Runs many bodies in one run of otto and reads what became of each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from model import INPUT_EXPORT, INPUTS, Body, Outcome, without_places
from plain import files

SOURCE = "\n".join(
    [f"otto.set {json.dumps(key)} {json.dumps(value)}" for key, value in INPUTS.items()]
    + [f"export {INPUT_EXPORT[0]}={INPUT_EXPORT[1]}"]
)


def block(key: str, text: str) -> str:
    """A body as a literal block, which keeps every byte and the numbers of its lines."""
    keep = "+" if text.endswith("\n") else "-"
    lines = text.removesuffix("\n").split("\n")
    return f"    {key}: |2{keep}\n" + "".join(f"      {line}\n" if line else "\n" for line in lines)


def ottofile(bodies: list[Body]) -> str:
    parts = ["tasks:\n  src:\n", block("bash", SOURCE)]
    for number, body in enumerate(bodies):
        parts.append(f"  t{number}:\n    before: [src]\n    dir: work/t{number}\n    timeout: 20s\n")
        parts.append(block(body.language, body.text))
    return "".join(parts)


class UnderOtto:
    def __init__(
        self, otto: Path, folder: Path, environment: dict[str, str], fixtures, level: str | None
    ) -> None:
        self.otto = otto
        self.folder = folder
        self.environment = {**environment, "OTTO_HOME": str(folder / "home")}
        if level:
            self.environment["OTTO_BASH_LEVEL"] = level
        self.fixtures = fixtures

    def run(self, bodies: list[Body], jobs: int) -> list[Outcome]:
        shutil.rmtree(self.folder, ignore_errors=True)
        project = self.folder / "project"
        for number in range(len(bodies)):
            work = project / "work" / f"t{number}"
            work.mkdir(parents=True)
            self.fixtures(work)
        (project / "otto.yml").write_text(ottofile(bodies))
        names = [f"t{number}" for number in range(len(bodies))]
        command = [str(self.otto), "--json", f"-j{jobs}", *names]
        ran = subprocess.run(
            command, cwd=project, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True
        )
        events = [json.loads(line) for line in ran.stdout.decode(errors="replace").splitlines() if line]
        said = ran.stderr.decode(errors="replace")
        if not any(event.get("event") == "run_ended" for event in events):
            raise RuntimeError(f"otto did not finish: status {ran.returncode}\n{said[-2000:]}")
        runs = sorted(self.folder.glob("home/*/latest"))
        tasks = runs[0].resolve() / "tasks"
        outcomes = [self.outcome(tasks / name, project / "work" / name, name) for name in names]
        by_name = dict(zip(names, outcomes))
        for event in events:
            outcome = by_name.get(event.get("task", ""))
            if outcome is None:
                continue
            if event["event"] == "attempt_ended":
                how = event["exit"]
                outcome.status = how["status"] if how["how"] == "code" else 128 + how.get("signal", 0)
                outcome.timed_out = how["how"] == "timeout"
            elif event["event"] == "task_settled":
                outcome.succeeded = event["outcome"] == "succeeded"
            if "code" in event and "message" in event:
                outcome.told.append(f"{event['code']}: {event['message']}")
        for code, message in re.findall(r"^(?:warning|error)\[(E\d+)\]: (.*)$", said, re.M):
            for name in set(re.findall(r"\bt\d+\b", message)) & by_name.keys():
                by_name[name].told.append(f"{code}: {message}")
        return outcomes

    def outcome(self, task: Path, work: Path, name: str) -> Outcome:
        outcome = Outcome(files=files(work))
        outcome.stdout = text_of(task / "stdout.log")
        outcome.stderr = without_places(text_of(task / "stderr.log"))
        for candidate in (f"output.{name}.json", f"output.{name}.failed-1.json"):
            if (task / candidate).is_file():
                outcome.outputs = json.loads((task / candidate).read_text())
        return outcome


def text_of(path: Path) -> str:
    return path.read_text(errors="surrogateescape") if path.is_file() else ""
