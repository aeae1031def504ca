"""Makes a body that shows a difference shorter while it shows the same kind of difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from model import Body

SEPARATORS = ("; ", " && ", " | ", " || ")


def shorter(text: str) -> Iterator[str]:
    """Texts with something left out: runs of lines, longest first, then parts of single lines."""
    lines = text.split("\n")
    size = len(lines) // 2
    while size:
        for start in range(0, len(lines) - size + 1, max(1, size // 2)):
            yield "\n".join(lines[:start] + lines[start + size :])
        size //= 2
    for number, line in enumerate(lines):
        for separator in SEPARATORS:
            parts = line.split(separator)
            if len(parts) > 12:
                continue
            for leave_out in range(len(parts) if len(parts) > 1 else 0):
                rest = separator.join(parts[:leave_out] + parts[leave_out + 1 :])
                yield "\n".join([*lines[:number], rest, *lines[number + 1 :]])


def shrunk(body: Body, still_differs: Callable[[list[Body]], list[bool]]) -> Body:
    """`still_differs` looks at many bodies at once, for one run of otto costs more than its tasks."""
    for _ in range(30):
        texts = [text for text in dict.fromkeys(shorter(body.text)) if text.strip()]
        found = None
        for start in range(0, len(texts), 60):
            candidates = [Body(body.language, text) for text in texts[start : start + 60]]
            good = [one for one, differs in zip(candidates, still_differs(candidates)) if differs]
            if good:
                found = min(good, key=lambda one: len(one.text))
                break
        if found is None:
            return body
        body = found
    return body
