"""What a body is, what came of it, and how bodies are told apart from each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# What the task `src` hands to every body.
INPUTS = {"v": "1.2.3", "n": "7", "key with blank": "x y"}
INPUT_EXPORT = ("OTTO_MODE", "fast")


@dataclass(frozen=True)
class Body:
    language: str
    text: str

    def lines(self) -> list[str]:
        return self.text.split("\n")


@dataclass
class Outcome:
    """What one body did, under plain bash or Python or under otto."""

    status: int = 0
    stdout: str = ""
    stderr: str = ""
    # Values in the form in which otto records them: OUTPUT, `otto.set`, OTTO_OUTPUT and exported variables.
    outputs: dict[str, object] = field(default_factory=dict)
    # Of every file that it left in its folder.
    files: dict[str, str] = field(default_factory=dict)
    # Of the plain side: what it set and lost. Of otto: codes and messages of what it said.
    told: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    # Keys of Python whose values have no JSON.
    problems: list[str] = field(default_factory=list)
    # Of the plain side: how the shell ended.
    how: str = ""
    last_command: str = ""
    is_spoilt: bool = False
    is_hidden: bool = False
    # Of otto: whether the task succeeded.
    succeeded: bool = True
    timed_out: bool = False


PLACES = (
    # `otto.yml:7: ` or `…/otto.yml:t3: line 7: `, and the name of the plain script.
    (re.compile(r"^(?:\S*/)?(?:otto\.yml|body\.sh)(?::[\w.-]+)?:(?: line)? ?\d+: ", re.M), "PLACE: "),
    (re.compile(r"^(?:\S*/)?(?:otto\.yml|body\.sh)(?::[\w.-]+)?: ", re.M), "PLACE: "),
    (re.compile(r"^(?:\S*/)?(?:otto\.yml(?::t\d+)?|body\.py):\d+: ", re.M), "PLACE: "),
    (re.compile(r"(?:/\S*)?/(?:body\.sh|otto\.yml)(?::t\d+)?\b"), "PLACE"),
    (re.compile(r"\bat line \d+"), "at line N"),
    (re.compile(r"on line \d+"), "on line N"),
    (re.compile(r'File "[^"]*(?:otto\.yml[^"]*|body\.py)", line \d+'), 'File "PLACE"'),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xN"),
    # Python marks what is missing at the end of a text that it compiles, as under otto, and not of a file.
    (re.compile(r"^ +\^\n(?=(Indentation|Syntax)Error: expected)", re.M), ""),
    # What `time` measures.
    (re.compile(r"\d+m\d+\.\d+s$|(?<=^real )[\d.]+$|(?<=^user )[\d.]+$|(?<=^sys )[\d.]+$", re.M), "N"),
    # What `mktemp` makes up, and process numbers that a trace shows.
    (re.compile(r"/tmp/tmp\.\w{10}"), "/tmp/tmp.N"),
    (re.compile(r"^((?:\++|>+) (?:wait|kill)(?: -\w+)* )\d+", re.M), r"\1N"),
    # The folders of the two sides.
    (re.compile(r"/\S*/differential\.\w+/(?:plain/\w+/work|otto/project/work/t\d+)"), "FOLDER"),
    # Of a handler whose quotes or brackets stay open; otto keeps it apart from its own part with an `eval`.
    (re.compile(r"(?:exit trap|eval): line \d+:"), "exit trap: line N:"),
    (re.compile(r"(MagicMock/mock/)\d+"), r"\1N"),
    # Some of the levels that Python allows are otto's.
    (re.compile(r"Previous line repeated \d+ more times"), "Previous line repeated N more times"),
)


def without_places(text: str) -> str:
    for pattern, instead in PLACES:
        text = pattern.sub(instead, text)
    return text
