#!/usr/bin/env bash
# Arguments: lines of bash to run, then names of modules to load before them. Prints all variables, each with a NUL behind it,
# to stdout; whatever modules and lines print goes to stderr.
exec 3>&1 1>&2
lines=$1
shift
if (($#)); then
    if ! type module >/dev/null 2>&1; then
        echo "there is no command \`module\` in a login shell"
        exit 1
    fi
    said=$(mktemp) || exit 1
    for name; do
        # Old ones say so, and succeed.
        if ! module load "$name" 2>"$said" || grep -q ERROR "$said"; then
            cat "$said"
            rm -f "$said"
            echo "cannot load the module \`$name\`"
            exit 1
        fi
        cat "$said"
    done
    rm -f "$said"
fi
eval "$lines"
env -0 >&3
