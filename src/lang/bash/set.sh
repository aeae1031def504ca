# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# otto_set, from any subshell, pipeline and background job. Every bash.

otto_set() {
	case $#:${1-} in
	1:--list | 2:--json | 2:) otto__usage ;;
	*:--list) otto__record_list "${@:2}" ;;
	3:--json) otto__record j "$2" "$3" ;;
	2:*) otto__keep "$1" "$2" ;;
	*) otto__usage "$#" ;;
	esac
}

# otto__record TYPE KEY VALUE: one write of at most 4096 bytes, which no other process can split. A longer value
# goes to a file of its own first.
otto__record() {
	if [[ ! $2 ]]; then
		otto__usage
	elif ((${#2} + ${#3} > 800)); then
		otto__file=v.${BASHPID-$$}.$RANDOM$RANDOM$RANDOM
		builtin printf '%s' "$3" >| "$otto__dir/$otto__file" &&
			builtin printf '%s\0' "F$1" "$2" "$otto__file" >> "$otto__dir/journal"
	else
		builtin printf '%s\0' "$@" >> "$otto__dir/journal"
	fi
}

# otto__record_list KEY [ITEM…]
otto__record_list() {
	if [[ ! $1 ]]; then
		otto__usage
	else
		otto__file=v.${BASHPID-$$}.$RANDOM$RANDOM$RANDOM
		case $# in
		1) builtin printf '' >| "$otto__dir/$otto__file" ;;
		*) builtin printf '%s\0' "${@:2}" >| "$otto__dir/$otto__file" ;;
		esac &&
			builtin printf '%s\0' Fl "$1" "$otto__file" >> "$otto__dir/journal"
	fi
}

otto__usage() {
	builtin printf 'otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...]%s\n' \
		"${1+ (got $1 words: quote the value?)}" >&2
	return 2
}
