# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and otto__deps are set by the lines before this file.
# shellcheck disable=SC2034 # otto__own is read by save.sh.
# otto_set, from any subshell, pipeline and background job.

# In the main shell values wait in memory; once a subshell has written one, the journal keeps the order.
otto_set() {
	case $#:${1-} in
	[!01]*:--list) otto__record l "${@:2}" ;;
	3:--json) otto__record j "$2" "$3" ;;
	2:--json | 2: | *:--list) otto__usage ;;
	2:*)
		if [[ $BASHPID == "$$" && ! -s $otto__dir/journal ]]; then
			otto__own[$1]=$2
		else
			otto__record s "$1" "$2"
		fi
		;;
	*) otto__usage "$#" ;;
	esac
}

# otto__record TYPE KEY VALUE…: one write of at most 4096 bytes, which no other process can split. What is
# longer goes to a file of its own first.
otto__record() {
	if [[ ! $2 ]]; then
		otto__usage
	elif [[ $1 == l ]]; then
		otto__file=v.$BASHPID.$RANDOM$RANDOM$RANDOM
		builtin printf '%s\0' "${@:3}" >| "$otto__dir/$otto__file"
		(($# > 2)) || builtin printf '' >| "$otto__dir/$otto__file"
		builtin printf '%s\0' "Fl" "$2" "$otto__file" >> "$otto__dir/journal"
	elif ((${#2} + ${#3} > 800)); then
		otto__file=v.$BASHPID.$RANDOM$RANDOM$RANDOM
		builtin printf '%s' "$3" >| "$otto__dir/$otto__file"
		builtin printf '%s\0' "F$1" "$2" "$otto__file" >> "$otto__dir/journal"
	else
		builtin printf '%s\0' "$@" >> "$otto__dir/journal"
	fi
}

otto__usage() {
	builtin printf 'otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...]%s\n' \
		"${1+ (got $1 words: quote the value?)}" >&2
	return 2
}
