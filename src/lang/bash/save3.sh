# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# shellcheck disable=SC2034 # variables.sh reads OTTO_OUTPUT.
# As save.sh, for bash 3.2, which has no associative arrays: the functions write to the journal at once.

OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	set +u
	# A body that set `OUTPUT[key]` all the same has made an ordinary array, with one element.
	[[ ! ${OUTPUT+x} ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	{
		builtin printf '%s\0' otto1 3.2 '' "${#FUNCNAME[@]}" "${FUNCNAME[@]}"
		otto__save_variables
		builtin printf 'end\0'
	} >> "$otto__dir/dump"
}

otto__keep() {
	otto__record s "$1" "$2"
}
