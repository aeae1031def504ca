"""Loaded into a plain Python before the script of a body: defines the names that otto defines, and writes
down what became of OUTPUT when all is over. Python runs the script itself as always."""

import sys

LOADED = set(sys.modules)

import atexit  # noqa: E402
import builtins  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402

import __main__  # noqa: E402

# A script finds no module loaded that plain Python does not load.
for name in set(sys.modules) - LOADED - set(sys.builtin_module_names):
    del sys.modules[name]

MOST_LEVELS = 128
INFINITY = float("inf")
# A copy, for a script may rebind any of them.
__builtins__ = dict(vars(builtins))


def begin():
    path = os.environ.pop("WITNESS", None)
    if path is None:
        return
    values = json.loads(os.environ.pop("WITNESS_INPUTS"))
    os.environ.pop("PYTHONPATH", None)
    # Not the mapping itself, which needs builtins that a script may take away.
    given = dict(os.environ._data)
    inputs = {"src": values, **{f"src.{key}": value for key, value in values.items()}}
    inputs["src.OTTO_MODE"] = values["OTTO_MODE"] = "fast"
    # A line is seen when it is complete, as on a terminal; that is documented.
    sys.stdout.reconfigure(line_buffering=True)
    is_over = []
    kept = dict(vars(builtins))

    class Output(dict):
        """What is set after everything else has ended, as `__del__` may, is written down too."""

        def __setitem__(self, key, value):
            dict.__setitem__(self, key, value)
            if is_over and is_over[0] is self:
                # No module can be relied on any more.
                late(key, value)

    def late(key, value):
        file = opened(path, flags, 0o600)
        written(file, f'{{"late": "{key}", "value": {value}}}\n'.encode())
        closed(file)

    first = Output()
    __main__.INPUT, __main__.OUTPUT, __main__.PARAMS = inputs, first, {}
    __main__.OTTO_INPUT, __main__.OTTO_OUTPUT = inputs, first
    process = os.getpid()
    names = __main__.__dict__
    environ, dumps, getpid = os.environ._data, json.dumps, os.getpid
    opened, written, closed = os.open, os.write, os.close
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT

    def record(how):
        if getpid() != process:
            return
        # The modules that write JSON need what a script may have taken away; the script is over.
        vars(builtins).update(kept)
        outputs = names.get("OUTPUT", first)
        is_spoilt = not isinstance(outputs, dict)
        found, problems = {}, []
        for key, value in [] if is_spoilt else list(outputs.items()):
            try:
                found.update(plain({key: value}))
            except Exception:
                problems.append(str(key))
        exports = {
            key.decode(): value.decode()
            for key, value in environ.items()
            if key.startswith(b"OTTO_") and given.get(key) != value
        }
        line = dumps(
            {"how": how, "is_spoilt": is_spoilt, "outputs": found, "problems": problems, "exports": exports}
        )
        file = opened(path, flags, 0o600)
        written(file, line.encode() + b"\n")
        closed(file)

    def plain(value):
        """The value as JSON has it; an error where JSON has none, or otto takes none."""
        text = dumps(value, allow_nan=False, default=path_text)
        if deepest(value) > MOST_LEVELS or names_odd(value):
            raise ValueError
        return json.loads(text)

    def at_the_end():
        record("exit")
        # One that was replaced is no output any more.
        is_over.append(names.get("OUTPUT", first))

    atexit.register(at_the_end)
    # What replaces the process, or ends it on the spot, leaves what there was until then.
    for name in ("_exit", "execv", "execve", "abort"):
        instead_of(os, name, record)


def deepest(value):
    level, values = 0, [value]
    while values and level <= MOST_LEVELS + 1:
        inner = [part for part in values if isinstance(part, (dict, list, tuple))]
        values = [one for part in inner for one in (part.values() if isinstance(part, dict) else part)]
        level += bool(inner)
    return level


def names_odd(value):
    """Whether a key is a number that JSON cannot write, or two keys become one."""
    if isinstance(value, dict):
        keys = [
            key for key in value if isinstance(key, float) and (key != key or key in (INFINITY, -INFINITY))
        ]
        names = json.loads(json.dumps(dict.fromkeys(value, 0)))
        return bool(keys) or len(names) < len(value) or any(map(names_odd, value.values()))
    return isinstance(value, (list, tuple)) and any(map(names_odd, value))


def path_text(value):
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    raise TypeError(f"{type(value).__name__} has no JSON")


def instead_of(module, name, record):
    real = getattr(module, name)

    def ended(*arguments, **named):
        record(name)
        return real(*arguments, **named)

    setattr(module, name, ended)


begin()
