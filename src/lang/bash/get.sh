# shellcheck shell=bash
# otto_get. `otto__deps` holds the name of each dependency and, after it, what people may know of its keys.

otto_get() {
	if [[ ${1-} == -v ]]; then
		if (($# < 3 || $# > 4)); then
			builtin printf 'otto: usage: otto.get [-v VARIABLE] TASK.KEY [DEFAULT]\n' >&2
			return 2
		elif [[ ${INPUT[$3]+x} ]]; then
			builtin printf -v "$2" '%s' "${INPUT[$3]}"
		elif (($# == 4)); then
			builtin printf -v "$2" '%s' "$4"
		else
			otto__missing "$3"
			return 1
		fi
	elif (($# < 1 || $# > 2)) || [[ ! $1 ]]; then
		builtin printf 'otto: usage: otto.get [-v VARIABLE] TASK.KEY [DEFAULT]\n' >&2
		return 2
	elif [[ ${INPUT[$1]+x} ]]; then
		builtin printf '%s\n' "${INPUT[$1]}"
	elif (($# == 2)); then
		builtin printf '%s\n' "$2"
	else
		otto__missing "$1"
		return 1
	fi
}
