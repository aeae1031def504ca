#!/bin/sh
# Starts one attempt of an otto run on the node that Slurm chose.
# Arguments: the otto to run, the attempt's folder, and the word that is in the run's folder.
if [ "$(cat "$2/../nonce" 2>/dev/null)" != "$3" ]; then
    echo "otto: the node $(uname -n) does not see the run's folder: $2" >&2
    exit 97
fi
if ! "$1" --version >/dev/null; then
    echo "otto: the node $(uname -n) cannot run $1" >&2
    exit 98
fi
exec "$1" --node "$2"
