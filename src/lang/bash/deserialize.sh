# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__deps is set by the lines before this file.
# An older function. Inputs are there already; what is left to do is to say when they cannot be. Every bash.

otto_deserialize_input() {
	otto__i=0
	while ((otto__i < ${#otto__deps[@]})) && [[ ${otto__deps[otto__i]} != "${1-}" ]]; do
		((otto__i += 2))
	done
	((otto__i < ${#otto__deps[@]})) ||
		builtin printf "otto: otto_deserialize_input: this task does not depend on '%s'\n" "${1-}" >&2
}
