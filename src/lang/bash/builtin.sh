# shellcheck shell=bash
# For bodies that define functions called `builtin` and `command`, by which otto reaches past all other functions: `otto__builtin`
# stands in their place in every file of otto's, and takes the body's `builtin` away. Every bash.

otto__builtin() {
	# `exit` without a number ends with it.
	otto__kept=$?
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	if [[ -o posix ]]; then
		unset -f builtin
	else
		POSIXLY_CORRECT=1
		unset -f builtin
		unset POSIXLY_CORRECT
	fi
	otto__keep && :
	builtin "$@"
}

otto__keep() {
	builtin return "$otto__kept"
}
