# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # As in output.sh; otto__own is filled by set.sh.
# As output.sh, for plain bodies that call otto_set or otto_set_output. bash 4.2 and newer.

declare -At OUTPUT=() otto__own=() || return

trap 'set +u; otto__plain=; printf "%s\0" otto1 "" "${OUTPUT[otto__plain=1]+x}${otto__plain-}" 0 O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}" end >> "$otto__dir/dump"' EXIT
