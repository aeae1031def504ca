# shellcheck shell=bash
# As get.sh, under the older name, and lenient.

otto_get_input() {
	if [[ $# == 1 && $1 && ${INPUT[$1]+x} ]]; then
		builtin printf '%s\n' "${INPUT[$1]}"
	else
		otto__more
		otto__get_input "$@"
	fi
}
