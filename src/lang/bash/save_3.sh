# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# In place of ready.sh and save.sh in bash 3.2, which has no associative arrays: the functions write to the journal at once.
# Needs exports.sh.

OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	builtin set +u
	# A body that set `OUTPUT[key]` all the same has made an ordinary array, with one element.
	[[ ! ${OUTPUT+x} ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	{
		builtin printf '%s\0' otto1 3.2 '' "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
		otto__print_exports
	} >> "$otto__dir/dump"
}

otto__exit() {
	otto__save
}
