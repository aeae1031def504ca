# shellcheck shell=bash
# shellcheck disable=SC2034,SC2050,SC2064,SC2066,SC2154 # The handler comes ready from the caller; otto__watch is set by watch.sh;
# close.sh sets otto__ending; a `for` may have one word; with nocasematch two constants are equal.
# A `trap` that puts otto's handlers behind the user's ones for EXIT and ERR, and shows the user's ones alone. Needs exit.sh.
# bash 4.1 and newer.

# The user's own handlers; unset: none.
unset otto__on_exit otto__on_err otto__on_return otto__on_debug
otto__reset=
otto__ending=
# What comes before the user's handler for DEBUG: set by past.sh.
otto__first=

# In place of `trap`, with tracing off.
otto__trap() {
	case $otto__traced in
	*x*)
		otto__set_trap "$@" || {
			otto__result=$?
			{
				builtin set -x
				builtin return "$otto__result"
			} 2> /dev/null
		}
		builtin set -x
		;;
	# A status that ends the shell does so behind the call, where the user's handler for ERR is the one that counts.
	*) otto__set_trap "$@" || builtin return ;;
	esac
}

otto__set_trap() {
	# `-p` and `-P` are two options.
	if [[ A == a ]]; then
		builtin shopt -u nocasematch
		otto__result=0
		otto__set_trap "$@" || otto__result=$?
		builtin shopt -s nocasematch
		builtin return "$otto__result"
	fi
	case $#:${1-} in
	*:-l* | *:-[!-]*l*) builtin trap "$@" ;;
	0: | *:-[pP]*) otto__list "$@" ;;
	*:-[!-]* | *:--?*) otto__try "$@" ;;
	*)
		if [[ $BASHPID != "$$" ]]; then
			otto__reset=$BASHPID
			otto__try "$@"
		else
			case $#:$1 in
			1:--) otto__list ;;
			1:* | 2:--)
				case ${*: -1} in
				0 | [Ee][Xx][Ii][Tt] | [Ee][Rr][Rr] | [Rr][Ee][Tt][Uu][Rr][Nn] | [Dd][Ee][Bb][Uu][Gg]) otto__put - "${*: -1}" ;;
				*) otto__try "$@" ;;
				esac
				;;
			*:--) otto__put "${@:2}" ;;
			*) otto__put "$@" ;;
			esac
		fi
		;;
	esac
}

# In POSIX mode nobody may define such a function, nor is it called: there it is an alias.
if [[ ! -o posix ]]; then
	# What bash shows with `set -x` is the user's call alone, which stays known too: `$BASH_COMMAND` shows the last command of
	# this function to a handler for EXIT. The words of `for` are expanded before bash notes a command of the function.
	trap() {
		{
			for otto__typed in "$BASH_COMMAND"; do
				otto__traced=$-
				builtin set +x
			done
		} 2> /dev/null
		otto__trap "$@" || { builtin return "${?}"; } 2> /dev/null
		{ otto__traced=; } 2> /dev/null
	}
fi

# otto__put HANDLER SIGNAL…
otto__put() {
	otto__result=0
	for otto__name in "${@:2}"; do
		case $otto__name in
		0 | [Ee][Xx][Ii][Tt])
			otto__chain "$1"
			case $1 in
			-) unset otto__on_exit ;;
			*) otto__on_exit=$1 ;;
			esac
			;;
		[Ee][Rr][Rr])
			case $1 in
			-)
				unset otto__on_err
				builtin trap "$otto__watch" ERR
				;;
			'')
				otto__on_err=
				builtin trap '' ERR
				;;
			*)
				otto__on_err=$1
				builtin trap -- "$1"$'\n'"${otto__watch/LINENO/0}" ERR
				;;
			esac
			;;
		[Rr][Ee][Tt][Uu][Rr][Nn]) otto__put_scoped otto__on_return "$1" RETURN ;;
		[Dd][Ee][Bb][Uu][Gg]) otto__put_scoped otto__on_debug "$1" DEBUG ;;
		*) otto__try -- "$1" "$otto__name" || otto__result=$? ;;
		esac
	done
	builtin return "$otto__result"
}

# otto__try ARGUMENT…: bash's own trap, whose complaint is about the line of the body that called otto's.
otto__try() {
	builtin trap "$@" 2> /dev/null || {
		otto__failed=$?
		otto__said=$(builtin trap "$@" 2>&1 > /dev/null) || builtin true
		case $otto__said in
		"${BASH_SOURCE[0]}: "*) otto__said=${otto__said#"${BASH_SOURCE[0]}: "} ;;
		*)
			builtin printf '%s\n' "$otto__said" >&2
			builtin return "$otto__failed"
			;;
		esac
		otto__i=0
		while [[ ${FUNCNAME[otto__i]-} == trap || ${FUNCNAME[otto__i]-} == otto__* ]]; do
			((otto__i += 1))
		done
		builtin printf '%s: %s%s: %s\n' "${BASH_SOURCE[otto__i]-$0}" "${otto__said%%[0-9]*}" "${BASH_LINENO[otto__i - 1]}" "${otto__said#*: }" >&2
		builtin return "$otto__failed"
	}
}

# otto__put_scoped VARIABLE HANDLER SIGNAL: a handler that otto's functions do not set off.
otto__put_scoped() {
	case $2 in
	-)
		builtin unset "$1"
		builtin trap '' "$3"
		builtin trap - "$3"
		[[ $3 != DEBUG || ! $otto__first ]] || builtin trap "$otto__looking" DEBUG
		;;
	*)
		builtin eval "$1=\$2"
		otto__name=
		[[ $3 != DEBUG || ! $otto__first ]] || otto__name="$otto__first; "
		# It stands there as the user wrote it, for its status, trace and lines to be what they are without otto. One that is not
		# whole has an `eval`, after which its status ends nothing.
		if otto__is_whole "$2"; then
			otto__code=$2
		else
			otto__code="! \\builtin eval \"\$$1\"; otto__return \"\${PIPESTATUS[0]}\" && :"
		fi
		builtin trap -- "${otto__name}if { otto__is_in_body $1 \"\$_\"; } 2> /dev/null; then { otto__return \"\$otto__left\" \"\$otto__last\" && otto__nothing() { :; }; } 2> /dev/null; $otto__code"$'\nfi' "$3"
		;;
	esac
}

# otto__is_in_body VARIABLE LAST: whether the body has this handler, and what sets it off is a command of the body: a handler that a
# function takes away comes back when that function returns. Keeps `$?` and `$_`, which is LAST.
otto__is_in_body() {
	otto__left=$? otto__last=$2
	case ${!1+x}:${otto__ending-}:${otto__has_exit-}:${FUNCNAME[1]-} in
	:* | x:1:* | *:1:exit | *:trap | *:otto__*) builtin return 1 ;;
	esac
}

# otto__list [-p|-P] [SIGNAL…]
otto__list() {
	otto__option=-p otto__default=
	case ${1-} in
	-?*)
		otto__option=$1
		builtin shift
		[[ ${1-} != -- ]] || builtin shift
		# In POSIX mode newer ones also show what has no handler.
		[[ ! -o posix || ! $(builtin trap -p KILL 2> /dev/null) ]] || otto__default=1
		;;
	esac
	if [[ ${otto__reset:-x} == "$BASHPID" ]]; then
		builtin trap "$otto__option" "$@"
		builtin return
	fi
	(($#)) || builtin set -- EXIT {1..64} DEBUG ERR RETURN
	for otto__name; do
		case $otto__name in
		0 | [Ee][Xx][Ii][Tt]) otto__show EXIT otto__on_exit ;;
		[Ee][Rr][Rr]) otto__show ERR otto__on_err ;;
		[Rr][Ee][Tt][Uu][Rr][Nn]) otto__show RETURN otto__on_return ;;
		[Dd][Ee][Bb][Uu][Gg]) otto__show DEBUG otto__on_debug ;;
		[0-9]*)
			otto__said=
			[[ ! -o posix || $otto__default ]] || otto__said=$(builtin trap -p "$otto__name" 2> /dev/null) || builtin true
			[[ $otto__said == 'trap -- - '* ]] || builtin trap "$otto__option" "$otto__name" 2> /dev/null || builtin true
			;;
		*) otto__try "$otto__option" "$otto__name" || builtin return ;;
		esac
	done
}

# otto__show SIGNAL VARIABLE: the handler that the variable has, if it is set.
otto__show() {
	case ${!2+$otto__option}:$otto__default in
	-P:*) builtin printf '%s\n' "${!2}" ;;
	-*) builtin printf "trap -- '%s' %s\n" "${!2//\'/\'\\\'\'}" "$1" ;;
	:1) builtin printf 'trap -- - %s\n' "$1" ;;
	esac
}
