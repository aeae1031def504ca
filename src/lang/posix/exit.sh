# shellcheck shell=sh
# Saves when the shell ends, and shows nothing of it under `set -x`.

trap '{ otto__exit; } 2> /dev/null' EXIT
