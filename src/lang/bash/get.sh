# shellcheck shell=bash
# otto_get. Everything that is not plain is in more.sh. bash 4.0 and newer.

otto_get() {
	if [[ $# == 1 && $1 && ${INPUT[$1]+x} ]]; then
		builtin printf '%s\n' "${INPUT[$1]}"
	else
		otto__more
		otto__get "$@"
	fi
}
