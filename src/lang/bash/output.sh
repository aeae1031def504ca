# shellcheck shell=bash
# shellcheck disable=SC1090,SC2016,SC2034,SC2154 # The handlers expand when they run; otto__dir and otto__end are set by the lines before this file.
# Saves OUTPUT when the shell ends, however it ends, and notes the line of a command that `set -e` ends it at: for bodies
# that read INPUT, set OUTPUT[key], and provably leave traps, options and the names of builtins alone. bash 4.1 and newer.

declare -At OUTPUT=() || return
otto__line=
trap 'otto__line=$LINENO' ERR

# The probe is arithmetic, and so an assignment, unless OUTPUT is still an associative array. Before 4.4 `set -u` takes an
# empty array for none; asking each whether it is empty would put one expansion inside another, in which some old
# versions garble the bytes that they use as marks.
trap 'otto__status=$? otto__parts=${#PIPESTATUS[@]} otto__command=$BASH_COMMAND otto__function=${FUNCNAME-} otto__call=${BASH_LINENO-}; set +u; otto__plain=; printf "%s\0" otto1 "" "${OUTPUT[otto__plain=1]+x}${otto__plain-}" 0 O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" end >> "$otto__dir/dump"; case $otto__status in 0) ;; *) set -u; . "$otto__end" ;; esac' EXIT
