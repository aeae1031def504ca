# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__find sets otto__value and otto__is_there, and otto__deps is set before this file.
# The older functions that every ottofile knows. Every bash.

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
	fi
	otto__find "$1"
	[[ $otto__is_there ]] || otto__find_folded "$1"
	if [[ $otto__is_there ]]; then
		builtin printf '%s\n' "$otto__value"
	elif (($# > 1)); then
		builtin printf '%s\n' "$2"
	else
		otto__missing "$1"
		builtin printf '\n'
	fi
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
