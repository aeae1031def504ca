#!/bin/sh
# Says what this node is and what it sees, a name and a value on each line. Arguments: otto, a folder of otto's home, the word
# that is in it, the folder of the project.
seen() { if "$@" 2>/dev/null; then echo yes; else echo no; fi; }
echo "node ${SLURMD_NODENAME:-$(uname -n)}"
echo "machine $(uname -s) $(uname -m)"
echo "home $(seen [ "$(cat "$2/nonce" 2>/dev/null)" = "$3" ])"
echo "project $(seen [ -d "$4" ])"
echo "otto $("$1" --version 2>&1 | head -n 1)"
# The variable is bash's.
# shellcheck disable=SC2016
echo "bash $(bash -c 'echo "$BASH_VERSION"' 2>&1 | head -n 1)"
echo end
