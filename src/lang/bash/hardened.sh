# shellcheck shell=bash
# Over the others, for bodies that may define functions with the names of builtins, or set traps for DEBUG and
# the like. Every bash.

# Nothing runs after this one.
otto__exit() {
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	POSIXLY_CORRECT=1
	unset -f builtin
	trap - DEBUG RETURN ERR
	otto__save
}
