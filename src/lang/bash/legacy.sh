# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and otto__deps are set by the lines before this file.
# The older functions that every ottofile knows.

otto_set_output() {
	case $# in
	2) otto_set "$@" ;;
	*)
		builtin printf 'otto: usage: otto_set_output KEY VALUE (got %s words: quote the value?)\n' "$#" >&2
		return 2
		;;
	esac
}

# A missing key is told on stderr and reads as empty: bodies use it inside strings, where a failure goes unseen.
otto_get_input() {
	if [[ ! ${1-} ]]; then
		builtin printf 'otto: usage: otto_get_input TASK.KEY [DEFAULT]\n' >&2
		return 2
	elif [[ ${INPUT[$1]+x} ]]; then
		builtin printf '%s\n' "${INPUT[$1]}"
	elif otto__folded "$1"; then
		builtin printf '%s\n' "${INPUT[$otto__found]}"
	elif (($# > 1)); then
		builtin printf '%s\n' "$2"
	else
		otto__missing "$1"
		builtin printf '\n'
	fi
}

# Keys used to be stored in lower case with `_` for everything else; that spelling still finds its key if only one
# is meant.
otto__folded() {
	otto__found='' otto__i=0
	for otto__name in "${!INPUT[@]}"; do
		otto__keys=${otto__name//[!a-zA-Z0-9]/_}
		if [[ ${otto__keys,,} == "${1//[!a-z0-9]/_}" ]]; then
			otto__found=$otto__name
			((++otto__i))
		fi
	done
	((otto__i == 1))
}

# Inputs are there already; what is left to do is to say when they cannot be.
otto_deserialize_input() {
	otto__i=0
	while ((otto__i < ${#otto__deps[@]})); do
		[[ ${otto__deps[otto__i]} != "${1-}" ]] || return 0
		((otto__i += 2))
	done
	builtin printf "otto: otto_deserialize_input: this task does not depend on '%s'\n" "${1-}" >&2
}
