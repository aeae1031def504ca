# The shell of `otto Rerun --shell`: INPUT, OUTPUT and PARAMS are those of the body.
import code
import contextlib

with contextlib.suppress(ImportError):
    import readline  # noqa: F401  (editing of lines, where Python has it)

code.interact(
    banner="INPUT, OUTPUT and PARAMS are those of the task; end with Ctrl-D",
    local={"INPUT": INPUT, "OUTPUT": OUTPUT, "PARAMS": PARAMS},  # noqa: F821
    exitmsg="",
)
