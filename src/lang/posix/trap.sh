# shellcheck shell=sh
# shellcheck disable=SC2064 # The words are those of the call.
# For bodies that may set a handler for EXIT: it runs between two savings, for it may fail, and it may export more.

otto__return() {
	return "$1"
}

# Of what it does `set -x` shows the call alone.
otto__trap() {
	{
		otto__traced=$-
		set +x
	} 2> /dev/null
	otto__result=0
	otto__set_trap "$@" || otto__result=$?
	{
		case $otto__traced in *x*) set -x ;; esac
		return "$otto__result"
	} 2> /dev/null
}

otto__set_trap() {
	case $#:${1-} in
	# Only lists.
	0: | 1:-- | *:-[!-]*)
		trap "$@"
		return
		;;
	*:--) shift ;;
	esac
	case $#:$1 in
	# No handler, only signals that get back what they had.
	1:* | *:[0-9]*) set -- - "$@" ;;
	esac
	otto__handler=$1
	shift
	for otto__signal; do
		case $otto__signal:$otto__handler in
		0: | 0:- | EXIT: | EXIT:- | exit: | exit:-) trap '{ otto__exit; } 2> /dev/null' EXIT ;;
		0:* | EXIT:* | exit:*)
			trap -- "{ otto__status=\$?; otto__exit; otto__return \"\$otto__status\" && :; } 2> /dev/null; $otto__handler
{ otto__exit; } 2> /dev/null" EXIT
			;;
		*) trap -- "$otto__handler" "$otto__signal" || return ;;
		esac
	done
}

if [ -n "${ZSH_VERSION-}" ]; then
	# A handler that it sets in a function is that of the function. But it has a hook after the handler, except where
	# `set -e` ends the shell.
	otto__end() {
		{ otto__exit; } 2> /dev/null
	}
	eval 'zshexit_functions+=(otto__end)'
	trap '{ otto__exit; } 2> /dev/null' ZERR
else
	alias trap=otto__trap
fi
