# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and otto__deps, the name of each dependency and then its keys in words, come from the
# file that loads this one; otto__find and otto__find_folded set otto__value and otto__is_there.
# What the functions seldom need, loaded when they do: values from subshells, long, typed and missing ones. Every bash.

otto__more() {
	builtin true
}

otto__set() {
	case $#:${1-} in
	1:--list | 2:--json | 2:--secret | 2:) otto__usage ;;
	*:--list)
		# Not "${@:2}", which bash 3.2 makes one word of if IFS begins with something else than a blank.
		builtin shift
		otto__record_list "$@"
		;;
	3:--json) otto__record j "$2" "$3" ;;
	3:--secret) otto__announce "$2" "$3" && otto__record s "$2" "$3" ;;
	3:--) otto__record s "$2" "$3" ;;
	2:*) otto__record s "$1" "$2" ;;
	*) otto__usage "$#" ;;
	esac
}

# otto__announce KEY VALUE: says that the value is secret. Otto reads this before it shows what is written after it.
otto__announce() {
	if [[ ! $1 ]]; then
		otto__usage
	elif otto__is_cut "$1$2"; then
		otto__claim "$1" "$2" && builtin printf '\0%s\0' "$otto__file" >> "$otto__dir/secrets"
	else
		builtin printf '%s\0' "$1" "$2" >> "$otto__dir/secrets"
	fi
}

otto__set_output() {
	if (($# == 2)); then
		otto__record s "$1" "$2"
	else
		builtin printf 'otto: usage: otto_set_output KEY VALUE (got %s words: quote the value?)\n' "$#" >&2
		builtin return 2
	fi
}

# otto__record TYPE KEY VALUE: one write, which no other process can split: bash cuts what it writes after 4096 bytes and
# at the last line break. What it would cut goes to a file of its own first.
otto__record() {
	if [[ ! $2 ]]; then
		otto__usage
	elif otto__is_cut "$2$3"; then
		otto__claim "$@" && builtin printf 'E\0\0%s\0' "$otto__file" >> "$otto__dir/journal"
	else
		builtin printf '%s\0' "$@" >> "$otto__dir/journal"
	fi
}

# otto__is_cut TEXT: one write may not be enough.
otto__is_cut() {
	((${#1} > 800)) || [[ $1 == *$'\n'* ]]
}

# otto__record_list KEY [ITEM…]
otto__record_list() {
	if [[ ! $1 ]]; then
		otto__usage
	else
		otto__claim l "$@" && builtin printf 'E\0\0%s\0' "$otto__file" >> "$otto__dir/journal"
	fi
}

# otto__claim FIELD…: writes a file that nobody else has, and sets otto__file to its name.
otto__claim() {
	otto__file=v.${BASHPID-$$}.$RANDOM$RANDOM$RANDOM
	if [[ ! ${BASHPID-} ]]; then
		# Before bash 4 subshells of one shell may draw the same numbers.
		otto__i=0
		until (builtin set -C && builtin printf '' > "$otto__dir/$otto__file") 2> /dev/null || [[ ! -e $otto__dir/$otto__file ]]; do
			((otto__i += 1))
			otto__file=v.$$.$otto__i.$RANDOM$RANDOM$RANDOM
		done
	fi
	builtin printf '%s\0' "$@" >| "$otto__dir/$otto__file"
}

otto__usage() {
	builtin printf 'otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...] | --secret KEY VALUE%s\n' \
		"${1+ (got $1 words: quote the value?)}" >&2
	builtin return 2
}

otto__get() {
	if [[ ${1-} == -v ]]; then
		case $#:${2-} in
		[34]:*[!a-zA-Z0-9_]* | [34]:[0-9]* | [34]: | [!34]:*) otto__usage_get ;;
		*)
			otto__find "$3"
			if [[ $otto__is_there ]]; then
				builtin eval "$2=\$otto__value"
			elif (($# == 4)); then
				builtin eval "$2=\$4"
			else
				otto__missing "$3"
				builtin return 1
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
			builtin return 1
		fi
	fi
}

otto__usage_get() {
	builtin printf 'otto: usage: otto.get [-v VARIABLE] TASK.KEY [DEFAULT]\n' >&2
	builtin return 2
}

# A missing key is told on stderr and reads as empty: bodies use it inside strings, where a failure goes unseen.
otto__get_input() {
	if [[ ! ${1-} ]]; then
		builtin printf 'otto: usage: otto_get_input TASK.KEY [DEFAULT]\n' >&2
		builtin return 2
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

# An `if` that reads what does not exist has no answer, whatever its status is.
otto__spoil() {
	[[ ! -f ${otto__answer-} ]] || builtin printf 'x\n' >| "$otto__answer.missing"
}

# otto__items_of [-v ARRAY] TASK: the items of a foreach task.
otto__items_of() {
	if [[ ${1-} == -v ]]; then
		case $#:${2-} in
		3:*[!a-zA-Z0-9_]* | 3:[0-9]* | 3: | [!3]:*) otto__usage_items ;;
		*)
			otto__name=$2
			otto__each_item "$3" otto__fill
			;;
		esac
	elif (($# != 1)) || [[ ! $1 ]]; then
		otto__usage_items
	else
		otto__each_item "$1" otto__print
	fi
}

# otto__each_item TASK COMMAND: calls the command with the items.
otto__each_item() {
	otto__is_there=''
	otto__items "$1" "$2" && builtin return 0
	if [[ ! $otto__is_there ]]; then
		otto__spoil
		builtin printf "otto: no items of '%s': this task depends on no foreach task of this name; it depends on: %s\n" \
			"$1" "${otto__foreach:-none}" >&2
	fi
	builtin return 1
}

otto__fill() {
	otto__is_there=x
	case $# in
	0) builtin eval "$otto__name=()" ;;
	*) builtin eval "$otto__name=(\"\$@\")" ;;
	esac
}

# Items have no line breaks.
otto__print() {
	otto__is_there=x
	case $# in
	0) ;;
	*) builtin printf '%s\n' "$@" ;;
	esac
}

otto__usage_items() {
	builtin printf 'otto: usage: otto.items [-v ARRAY] TASK\n' >&2
	builtin return 2
}

# otto__find_lack ITEM…: sets otto__found to the first job of otto__name that did not set the key in otto__keys.
otto__find_lack() {
	for otto__item; do
		otto__find "$otto__name:$otto__item.$otto__keys"
		if [[ ! $otto__is_there ]]; then
			otto__found=$otto__name:$otto__item
			builtin return 0
		fi
	done
}

# Says why there is no such input.
otto__missing() {
	otto__spoil
	if [[ $1 == *'.*.'* ]]; then
		otto__found='' otto__name=${1%%'.*.'*} otto__keys=${1#*'.*.'}
		if otto__items "$otto__name" otto__find_lack && [[ $otto__found ]]; then
			builtin printf "otto: no input '%s': task '%s' has no output '%s'\n" "$1" "$otto__found" "$otto__keys" >&2
			builtin return 0
		fi
	fi
	otto__found='' otto__names='' otto__i=0
	while ((otto__i < ${#otto__deps[@]})); do
		otto__name=${otto__deps[otto__i]}
		otto__names+="${otto__names:+, }$otto__name"
		# Of `a` and `a.b` the longer one is meant by `a.b.c`.
		if [[ $1 == "$otto__name".* && ${#otto__name} -gt ${#otto__found} ]]; then
			otto__found=$otto__name
			otto__keys=${otto__deps[otto__i + 1]}
		fi
		((otto__i += 2))
	done
	if [[ $otto__found ]]; then
		builtin printf "otto: no input '%s': task '%s' has no output '%s'; it has: %s\n" \
			"$1" "$otto__found" "${1#"$otto__found".}" "${otto__keys:-nothing}" >&2
	else
		builtin printf "otto: no input '%s': this task does not depend on '%s'; it depends on: %s\n" \
			"$1" "${1%%.*}" "${otto__names:-nothing}" >&2
	fi
}
