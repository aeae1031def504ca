# shellcheck shell=bash
# shellcheck disable=SC2064 # The handler comes ready from the caller.
# For bodies that set traps, all of them on signals that are named in the text: a `trap` that puts otto's handler
# round the user's one for EXIT. Needs exit.sh.
# bash 4.2 and newer.

# In POSIX mode nobody may define a function of that name; there a handler that takes the place of otto's is an error.
if [[ ! -o posix ]]; then
	trap() {
		# A subshell's traps, listings, and every other signal are bash's own.
		builtin trap "$@"
		if [[ $BASHPID == "$$" && ${1-} != -[lp]* ]]; then
			[[ ${1-} != -- ]] || shift
			otto__handler=-
			if (($# > 1)); then
				otto__handler=$1
				shift
			fi
			for otto__name; do
				case $otto__name in
				0 | [Ee][Xx][Ii][Tt]) otto__chain "$otto__handler" ;;
				esac
			done
		fi
	}
fi

# `trap` has seen to it.
otto__guard() {
	builtin true
}
