"""Types lines in a real terminal: `typist.py FOLDERS LINES SHELL…`.

In each of the folders, one per line of the file FOLDERS, it types each line of the file LINES, presses TAB
and Enter, and waits for the `otto` in the PATH to say with which arguments it was called: it writes them to
`called` in the folder, which becomes `called.N` for the N-th line. What does not call otto leaves no such
file.
"""

import os
import pathlib
import pty
import select
import sys
import time

PATIENCE = float(os.environ.get("TYPIST_PATIENCE", 15))


def main() -> None:
    folders = pathlib.Path(sys.argv[1]).read_text().splitlines()
    lines = pathlib.Path(sys.argv[2]).read_text().splitlines()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[3], sys.argv[3:])
    ready = os.path.join(folders[0], "ready")
    type_and_wait(terminal, ": >ready\n", ready)
    for folder in folders:
        type_and_wait(terminal, f"cd {folder} && : >here\n", os.path.join(folder, "here"))
        for number, line in enumerate(lines):
            called = os.path.join(folder, "called")
            if type_and_wait(terminal, f"{line}\t\n", called):
                os.rename(called, f"{called}.{number}")
            else:
                # Perhaps the shell waits for a quote to be closed.
                if not type_and_wait(terminal, "\x03\x03\n: >again\n", os.path.join(folder, "again")):
                    return
                os.remove(os.path.join(folder, "again"))
    os.write(terminal, b"exit\n")


def type_and_wait(terminal: int, text: str, path: str) -> bool:
    """Returns whether the file appeared."""
    os.write(terminal, text.encode())
    end = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        if time.monotonic() > end:
            return False
        # The shell blocks when nobody reads what it shows.
        if select.select([terminal], [], [], 0.01)[0]:
            try:
                shown = os.read(terminal, 65536)
            except OSError:
                return False
            if "TYPIST_SHOWS" in os.environ:
                sys.stderr.buffer.write(shown)
    return True


main()
