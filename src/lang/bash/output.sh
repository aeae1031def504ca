# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # The trap expands at the end; otto__dir is set by the lines before this file.
# Saves OUTPUT when the shell ends, however it ends. All that a plain body needs: one that only sets OUTPUT[key], and leaves
# options, traps and the names of builtins alone. bash 4.2 and newer.

declare -At OUTPUT=() || return

# The probe is arithmetic, and so an assignment, unless OUTPUT is still an associative array. Before 4.4 `set -u` takes an
# empty array for none; asking each whether it is empty would put one expansion inside another, in which some old
# versions garble the bytes that they use as marks.
trap 'set +u; otto__plain=; printf "%s\0" otto1 "" "${OUTPUT[otto__plain=1]+x}${otto__plain-}" 0 O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" end >> "$otto__dir/dump"' EXIT
