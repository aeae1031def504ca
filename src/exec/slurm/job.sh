#!/bin/sh
# Starts an attempt of an otto run, or the attempts of a bundle, on the node that Slurm chose.
# Arguments: the otto to run, the attempt's folder or the list of several folders (a…: of an array, whose elements have one
# each; b…: of a bundle), and the word that is in the run's folder.
if [ "$(cat "${2%/*}/nonce" 2>/dev/null)" != "$3" ]; then
    echo "otto: the node $(uname -n) does not see the run's folder: $2" >&2
    exit 97
fi
folder=$2
case ${2##*/} in
    a*) folder=${2%/*}/$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$2") ;;
esac
if ! "$1" --version >/dev/null; then
    echo "otto: the node $(uname -n) cannot run $1" >&2
    exit 98
fi
exec "$1" --node "$folder"
