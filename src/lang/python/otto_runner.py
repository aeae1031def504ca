# Starts the Python script of a task. Every Python can read this file, so that one which is too old says so
# instead of failing with a syntax error. It is reached by the link `.otto/runner.py` of a task's directory.
import os
import sys

if sys.version_info < (3, 6):  # noqa: UP036
    sys.stderr.write(
        "otto: a python task needs Python 3.8 or newer, but "
        + sys.executable
        + " is Python "
        + sys.version.split()[0]
        + "; name a newer one in OTTO_PYTHON\n"
    )
    sys.exit(1)

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
# The compiled runtime may be kept beside it, whatever holds for the modules of the script.
writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, False
import otto_runtime  # noqa: E402

sys.dont_write_bytecode = writes_nothing
del sys.path[0]
if __name__ == "__main__":
    otto_runtime.run(
        sys.modules["__main__"], os.path.dirname(os.path.dirname(os.path.abspath(__file__))), sys.argv
    )
else:
    # A process that multiprocessing started: it needs the definitions of the script.
    otto_runtime.run_in_child(globals(), os.path.dirname(os.path.dirname(__file__)))
