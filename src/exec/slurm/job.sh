#!/bin/sh
# Starts one attempt of an otto run on the node that Slurm chose.
# Arguments: the otto to run, the attempt's folder or the list of an array's folders, and the word that is in the run's folder.
if [ "$(cat "${2%/*}/nonce" 2>/dev/null)" != "$3" ]; then
    echo "otto: the node $(uname -n) does not see the run's folder: $2" >&2
    exit 97
fi
folder=$2
if [ -f "$folder" ]; then
    folder=${2%/*}/$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$2")
fi
if ! "$1" --version >/dev/null; then
    echo "otto: the node $(uname -n) cannot run $1" >&2
    exit 98
fi
exec "$1" --node "$folder"
