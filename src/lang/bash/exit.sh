# shellcheck shell=bash
# shellcheck disable=SC2064 # otto__quiet is the same at all times.
# For bodies with a trap for EXIT: outputs are saved before the user's handler, which may end the shell itself, and again
# after it, for it may set outputs. Every bash; needs middle.sh.

# Not what an otto round this one may have left in the environment.
otto__is_ending=

# otto__chain HANDLER: sets the trap for EXIT.
otto__chain() {
	case $1 in
	'' | -) builtin trap "${otto__quiet-}otto__exit" EXIT ;;
	*) builtin trap -- "${otto__quiet-}otto__before && : ; $1"$'\n'otto__exit EXIT ;;
	esac
}

# Keeps `$?` for the handler that follows. Called before `&&`, so that a status of an error does not end the handler.
otto__before() {
	otto__last=$?
	# With otto__quiet before it, that has kept the status.
	[[ ${otto__quiet-} ]] || otto__status=$otto__last
	otto__is_ending=1
	otto__hand_over
	builtin return "$otto__status"
}

# In place of `exit`, for a handler that calls it ends before otto's part of it.
otto__leave() {
	otto__status=$?
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
	# Without a number the status of the last command counts, or in a handler the one before the signal: bash knows.
	otto__return "$otto__status" && :
	builtin exit
}

# In POSIX mode nobody may define such a function, nor is it called: there it is an alias.
if [[ ! -o posix ]]; then
	exit() {
		otto__leave "$@"
	}
fi

otto__return() {
	builtin return "$1"
}
