# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__find sets otto__value and otto__is_there.
# otto_get. Every bash.

otto_get() {
	if [[ ${1-} == -v ]]; then
		case $#:${2-} in
		[34]:*[!a-zA-Z0-9_]* | [34]:[0-9]* | [34]: | [!34]:*) otto__usage_get ;;
		*)
			otto__find "$3"
			if [[ $otto__is_there ]]; then
				eval "$2=\$otto__value"
			elif (($# == 4)); then
				eval "$2=\$4"
			else
				otto__missing "$3"
				return 1
			fi
			;;
		esac
	elif (($# < 1 || $# > 2)) || [[ ! $1 ]]; then
		otto__usage_get
	else
		otto__find "$1"
		if [[ $otto__is_there ]]; then
			builtin printf '%s\n' "$otto__value"
		elif (($# == 2)); then
			builtin printf '%s\n' "$2"
		else
			otto__missing "$1"
			return 1
		fi
	fi
}

otto__usage_get() {
	builtin printf 'otto: usage: otto.get [-v VARIABLE] TASK.KEY [DEFAULT]\n' >&2
	return 2
}
