# shellcheck shell=bash
# shellcheck disable=SC1090,SC2016,SC2034,SC2064,SC2066,SC2154,SC2317 # The handlers expand when they run; otto__handler is set by close.sh.
# For bodies that may set a trap for EXIT: outputs are saved before the user's handler, which may end the shell itself, and
# again after it, for it may set outputs. Every bash; needs close.sh and middle.sh.

# Not what an otto round this one may have left in the environment.
otto__is_ending='' otto__has_exit=''

# otto__chain HANDLER: sets the trap for EXIT.
otto__chain() {
	case $1 in
	'' | -) builtin trap "$otto__handler" EXIT ;;
	*)
		otto__code=$1
		if ! otto__is_whole "$1"; then
			otto__open=$1
			otto__code="! \\builtin eval \"\$otto__open\""
		fi
		builtin trap -- "$otto__ends; { otto__parts=\${#PIPESTATUS[@]} otto__command=\$BASH_COMMAND otto__function=\${FUNCNAME-} otto__call=\${BASH_LINENO-} otto__last=\${otto__going-\$_}; otto__before \"\$otto__last\" && otto__nothing() { :; }; } > /dev/null 2>&1; $otto__code"$'\n'"$otto__ends; "'{ otto__after; } > /dev/null 2>&1' EXIT
		;;
	esac
}

# otto__is_whole HANDLER: whether it is a list of commands by itself. Where a quote or a bracket stays open, bash would read what stands
# behind it as part of it, and run nothing of either.
otto__is_whole() {
	# In a subshell, for such an error ends the shell. `enable -n eval` is the body's to do.
	# An empty one, or one of comments, is a list too.
	(! builtin eval '' || builtin eval "if false; then ( :"$'\n'"$1"$'\n'") fi") 2> /dev/null
}

# Keeps `$?` for the handler that follows, and `$_`, which is its argument. Called before `&&`, so that a status of an error does
# not end the handler; what follows that is no command before which a handler for DEBUG would run.
otto__before() {
	otto__chained=1
	otto__show_typed
	case $otto__is_ending:$otto__status in
	1:* | *:0) ;;
	*) builtin source "$otto__end" ;;
	esac
	otto__is_ending=1
	otto__hand_over
	# What the handler sets is saved too if `set -e` ends it: before the user's handler for ERR, which may end the shell, and after it.
	if [[ -o errexit ]]; then
		otto__code=$otto__ends'; { otto__hand_over; otto__ending=; otto__return "$otto__status" && otto__nothing() { :; }; } > /dev/null 2>&1'
		if [[ ${otto__on_err-} ]]; then
			builtin trap -- "$otto__code; $otto__on_err"$'\n'"$otto__code" ERR
		else
			builtin trap "$otto__code" ERR
			builtin set -E
		fi
	fi
	otto__take_exit
	# What follows is the user's.
	otto__ending=
	case ${otto__leaving-} in
	*x*) builtin set -x ;;
	esac
	builtin return "$otto__status"
}

# What `$BASH_COMMAND` shows to the handler where otto's `trap` or `exit` was the last command.
otto__show_typed() {
	case ${otto__leaving+x}:$otto__command in
	*:'otto__traced=' | *:'builtin return "${?}"' | x:'builtin exit'*)
		builtin unset BASH_COMMAND
		BASH_COMMAND=$otto__typed
		otto__command=$otto__typed
		;;
	esac
}

otto__after() {
	otto__alone
	otto__save
	[[ ! $otto__forgiven ]] || builtin exit 0
}

# In place of `exit`, for a handler that calls it ends before otto's part of it.
otto__leave() {
	if [[ ${BASHPID-$$} == "$$" && $BASH_SUBSHELL == 0 ]]; then
		if [[ ${otto__is_ending-} ]]; then
			otto__hand_over
		else
			otto__guard
		fi
	fi
	if (($#)); then
		builtin exit "$@"
	fi
	[[ ! ${otto__forgiven-} ]] || builtin exit 0
	# Without a number the status of the last command counts, or in a handler the one before the signal: bash knows.
	otto__return "$otto__left" && :
	builtin exit
}

# Defines `exit`, unless it is the user's. In POSIX mode nobody may define such a function, nor is it called: there it is an
# alias.
otto__take_exit() {
	if [[ ! -o posix ]] && ! builtin declare -F exit > /dev/null; then
		otto__has_exit=1
		exit() {
			{
				for otto__typed in "$BASH_COMMAND"; do
					otto__left=$? otto__going=$_ otto__leaving=$-
					builtin set +x
				done
			} 2> /dev/null
			otto__leave "$@"
		}
	fi
}

otto__return() {
	builtin return "$1"
}
