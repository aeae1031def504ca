# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# In place of ready.sh and save_all.sh in bash 3.2, which has no associative arrays: the functions write to the journal at once.

OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	builtin set +u
	# A body that set `OUTPUT[key]` all the same has made an ordinary array, with one element.
	[[ ! ${OUTPUT+x} ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	{
		builtin printf '%s\0' otto1 3.2 '' "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
		for otto__name in "${!OTTO_@}"; do
			builtin printf '%s\0' V "$otto__name" "${!otto__name-}"
		done
		builtin printf 'X\0'
		builtin compgen -e OTTO_ || builtin true
		builtin printf '\0A\0'
		builtin compgen -A arrayvar OTTO_ || builtin true
		builtin printf '\0end\0'
	} >> "$otto__dir/dump"
}

otto__exit() {
	otto__save
}
