# shellcheck shell=bash
# shellcheck disable=SC1090,SC2016,SC2034,SC2154 # The handler expands at the end; otto__end is set by the lines before this file.
# otto's handler for EXIT where more than OUTPUT has to be saved, or the body may change what otto builds on: traps,
# options, functions with the names of builtins. Every bash; needs middle.sh.

otto__chained=''

# Nothing of the body's runs after this.
otto__alone() {
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	POSIXLY_CORRECT=1
	unset -f enable builtin
	if ! enable compgen declare eval exit printf return set source trap true builtin; then :; fi
	trap - DEBUG RETURN ERR
}

otto__exit() {
	otto__alone
	otto__save
	builtin set -u
	case $otto__status in
	0) ;;
	*) builtin source "$otto__end" ;;
	esac
}

# A handler for DEBUG sees nothing of otto's: it is told so by a number in the name of a file, for before a command it runs.
otto__ends='{ otto__nothing() { :; }; } > "/dev/null${0:0:$((otto__status = $?, otto__ending = 1, 0))}"'
otto__handler=$otto__ends'; { otto__parts=${#PIPESTATUS[@]} otto__command=$BASH_COMMAND otto__function=${FUNCNAME-} otto__call=${BASH_LINENO-}; otto__exit; } > /dev/null 2>&1'
