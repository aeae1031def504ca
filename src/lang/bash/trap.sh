# shellcheck shell=bash
# shellcheck disable=SC2064 # The handler comes ready from the caller.
# For bodies that set traps, all of them on signals that are named in the text: a `trap` that puts otto's handler
# round the user's one for EXIT. Needs exit.sh.
# bash 4.2 and newer.

# In place of `trap`.
otto__trap() {
	builtin trap "$@"
	# A subshell's traps, listings, and every other signal are bash's own.
	if [[ $BASHPID == "$$" && ${1-} != -[lpP]* ]]; then
		case $#:${1-} in
		1:*) otto__follow - "$1" ;;
		2:--) otto__follow - "$2" ;;
		*:--) otto__follow "${@:2}" ;;
		*) otto__follow "$@" ;;
		esac
	fi
}

# In POSIX mode nobody may define such a function, nor is it called: there it is an alias.
if [[ ! -o posix ]]; then
	trap() {
		otto__trap "$@"
	}
fi

# otto__follow HANDLER SIGNAL…
otto__follow() {
	for otto__name in "${@:2}"; do
		case $otto__name in
		0 | [Ee][Xx][Ii][Tt]) otto__chain "$1" ;;
		esac
	done
}

# `trap` has seen to it.
otto__guard() {
	builtin true
}
