# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # exports.sh reads otto__early; otto__dir, otto__find and otto__about come from the lines before this file.
# The functions for shells that are no bash: dash, busybox, ksh, mksh, yash, zsh. No arrays, no names with dots; values
# go to the journal at once, so that nothing is left to do for them at the end.

otto__number=0

otto_set() {
	case "$# ${1-}" in
	'1 --list' | '2 --json' | '2 --secret' | '2 ') otto__usage ;;
	*' --list')
		shift
		otto__record_list "$@"
		;;
	'3 --json') otto__record j "$2" "$3" ;;
	'3 --secret') otto__announce "$2" "$3" && otto__record s "$2" "$3" ;;
	'3 --') otto__record s "$2" "$3" ;;
	'2 '*) otto__record s "$1" "$2" ;;
	*) otto__usage "$#" ;;
	esac
}

# otto__record TYPE KEY VALUE: one write of at most 4096 bytes, which no other process can split. What is longer goes to a
# file of its own, whose name nobody else has; so does what has a line break, after which bash, as sh, cuts what it writes.
otto__record() {
	if [ -z "$2" ]; then
		otto__usage
	elif otto__is_cut "$2$3"; then
		otto__claim "$@" && otto__refer
	else
		otto__printf '%s\0%s\0%s\0' "$1" "$2" "$3" >> "$otto__dir/journal"
	fi
}

# otto__announce KEY VALUE: says that the value is secret. Otto reads this before it shows what is written after it.
otto__announce() {
	if [ -z "$1" ]; then
		otto__usage
	elif otto__is_cut "$1$2"; then
		otto__claim "$1" "$2" && otto__tell_file >> "$otto__dir/secrets"
	else
		otto__put "$1" "$2" >> "$otto__dir/secrets"
	fi
}

# otto__tell_file: the key and the value in otto__file are secret.
otto__tell_file() {
	otto__printf '\0%s\0' "$otto__file"
}

# otto__is_cut TEXT: one write may not be enough.
otto__is_cut() {
	[ ${#1} -gt 800 ] && return
	case $1 in
	*"$otto__break"*) return 0 ;;
	*) return 1 ;;
	esac
}

otto__break='
'

# otto__record_list KEY [ITEM…]
otto__record_list() {
	if [ -z "$1" ]; then
		otto__usage
	else
		otto__claim l "$@" && otto__refer
	fi
}

# otto__claim FIELD…: writes a file that nobody else has, and sets otto__file to its name.
otto__claim() {
	while otto__number=$((otto__number + 1)); [ "$otto__number" -lt 100000 ]; do
		otto__file=v.$$.$otto__number
		# Refuses a file that is there: a subshell counts from where its parent was.
		if (umask 077 && set -C && : > "$otto__dir/$otto__file") 2> /dev/null; then
			otto__put "$@" >> "$otto__dir/$otto__file"
			return
		fi
	done
	return 1
}

# otto__refer: the entry in otto__file belongs here.
otto__refer() {
	otto__printf 'E\0\0%s\0' "$otto__file" >> "$otto__dir/journal"
}

# Every argument, each with a NUL after it.
otto__put() {
	otto__printf '%s\0' "$@"
}

if [ -n "$otto__has_no_printf" ]; then
	otto__is_cut() { :; }
	otto__tell_file() {
		print -n "\\0$otto__file\\0"
	}
	otto__refer() {
		otto__line "$otto__file" >> "$otto__dir/names"
	}
	otto__put() {
		for otto__item; do
			print -rn -- "$otto__item"
			print -n '\0'
		done
	}
fi

otto_get() {
	if [ "${1-}" = -v ]; then
		case "$# ${2-}" in
		[34]' '*[!a-zA-Z0-9_]* | [34]' '[0-9]* | [34]' ' | [!34]' '*) otto__usage_get ;;
		*)
			otto__find "$3"
			if [ -n "$otto__is_there" ]; then
				eval "$2=\$otto__value"
			elif [ $# -eq 4 ]; then
				eval "$2=\$4"
			else
				otto__missing "$3"
				return 1
			fi
			;;
		esac
	elif [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$1" ]; then
		otto__usage_get
	else
		otto__find "$1"
		if [ -n "$otto__is_there" ]; then
			otto__line "$otto__value"
		elif [ $# -eq 2 ]; then
			otto__line "$2"
		else
			otto__missing "$1"
			return 1
		fi
	fi
}

# otto_items TASK: the items of a foreach task, one on each line, for items have no line breaks.
otto_items() {
	if [ $# -ne 1 ] || [ -z "$1" ] || [ "$1" = -v ]; then
		otto__say 'usage: otto_items TASK'
		return 2
	fi
	otto__is_there=
	otto__items "$1" otto__print_items && return 0
	if [ -z "$otto__is_there" ]; then
		otto__spoil
		otto__say "no items of '$1': this task depends on no foreach task of this name; it depends on: ${otto__foreach:-none}"
	fi
	return 1
}

otto__print_items() {
	otto__is_there=x
	for otto__item; do
		otto__line "$otto__item" || return
	done
}

# otto__find_lack ITEM…: sets otto__task to the first job of otto__task that did not set the key in otto__keys.
otto__find_lack() {
	for otto__item; do
		otto__find "$otto__task:$otto__item.$otto__keys"
		if [ -z "$otto__is_there" ]; then
			otto__lacks=$otto__task:$otto__item
			return 0
		fi
	done
}

# otto__about sets otto__task to the dependency that a key speaks of and otto__keys to what it has; without one,
# otto__keys is all dependencies.
otto__missing() {
	otto__spoil
	case $1 in
	*'.*.'*)
		otto__lacks='' otto__task=${1%%'.*.'*} otto__keys=${1#*'.*.'}
		if otto__items "$otto__task" otto__find_lack && [ -n "$otto__lacks" ]; then
			otto__say "no input '$1': task '$otto__lacks' has no output '$otto__keys'"
			return 0
		fi
		;;
	esac
	otto__about "$1"
	if [ -n "$otto__task" ]; then
		otto__say "no input '$1': task '$otto__task' has no output '${1#"$otto__task".}'; it has: ${otto__keys:-nothing}"
	else
		otto__say "no input '$1': this task does not depend on '${1%%.*}'; it depends on: ${otto__keys:-nothing}"
	fi
}

# An `if` that reads what does not exist has no answer, whatever its status is.
otto__spoil() {
	[ ! -f "${otto__answer-}" ] || otto__line x >| "$otto__answer.missing"
}

otto__say() {
	otto__line "otto: $1" >&2
}

otto__usage() {
	otto__say "usage: otto_set KEY VALUE | --json KEY JSON | --list KEY [ITEM...] | --secret KEY VALUE${1+ (got $1 words: quote the value?)}"
	return 2
}

otto__usage_get() {
	otto__say 'usage: otto_get [-v VARIABLE] TASK.KEY [DEFAULT]'
	return 2
}

otto_set_output() {
	case $# in
	2) otto__record s "$1" "$2" ;;
	*)
		otto__say "usage: otto_set_output KEY VALUE (got $# words: quote the value?)"
		return 2
		;;
	esac
}

# A missing key is told on stderr and reads as empty: bodies use it inside strings, where a failure goes unseen.
otto_get_input() {
	if [ -z "${1-}" ]; then
		otto__say 'usage: otto_get_input TASK.KEY [DEFAULT]'
		return 2
	fi
	otto__find "$1"
	[ -n "$otto__is_there" ] || otto__find_folded "$1"
	if [ -n "$otto__is_there" ]; then
		otto__line "$otto__value"
	elif [ $# -gt 1 ]; then
		otto__line "$2"
	else
		otto__missing "$1"
		otto__line ''
	fi
}

otto_deserialize_input() {
	otto__about "${1-}."
	[ "$otto__task" = "${1-}" ] ||
		otto__say "otto_deserialize_input: this task does not depend on '${1-}'"
}

# The record says that it is before the end, by which otto knows a shell that exported more and then came to no end of its own.
otto_save() {
	otto__early=saved
	otto__exit
	otto__early=
}

otto_serialize_output() {
	otto_save
}

# Replaced where there may be exported variables to save.
otto__exit() {
	:
}

# For services: saves, and says that this one can be used.
otto_ready() {
	otto__exit
	: >| "$OTTO_READY"
}
