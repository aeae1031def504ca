"""Reads Python texts without running them. Arguments: pairs of how each is compiled (`exec`, `eval`) and its
text. Prints a line for each: the line, the column and the message of its syntax error, or nothing."""
import sys

sys.setrecursionlimit(10000)
pairs = sys.argv[1:]
for how, text in zip(pairs[::2], pairs[1::2]):
    try:
        compile(text, "-", how, dont_inherit=True)
        print()
    except SyntaxError as error:
        print(error.lineno or 0, error.offset or 0, str(error.msg).replace("\n", " "))
    except Exception:
        # Too deep, or not text at all for this Python: the run will tell.
        print()
