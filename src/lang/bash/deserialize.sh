# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__deps is set by the lines before this file.
# An older function. Inputs are there already; what is left to do is to say when they cannot be. Every bash.

otto_deserialize_input() {
	otto__i=0
	while ((otto__i < ${#otto__deps[@]})); do
		[[ ${otto__deps[otto__i]} != "${1-}" ]] || return 0
		((otto__i += 2))
	done
	builtin printf "otto: otto_deserialize_input: this task does not depend on '%s'\n" "${1-}" >&2
}
