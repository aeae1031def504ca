# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2064,SC2154 # The handler expands when it runs; trap.sh reads otto__first and otto__looking, exports.sh otto__early.
# For bodies that may set a trap past otto's function, as `builtin trap` does, or replace the shell after loading what otto
# has not seen: a look before each command in the main shell. Only a trap for DEBUG can do that. bash 4.1 and newer; needs
# middle.sh, now.sh and past.sh, leave.sh or both, whose functions otto__look_first calls.

otto__first='{ otto__left=$? otto__last=$_; case ${otto__is_ending-}:$BASHPID:${FUNCNAME-} in 1:* | *:trap | *:otto__*) ;; :$$:*) \builtin trap -p EXIT ERR RETURN >| "$otto__dir/trap"; otto__look_first ;; esac; otto__return "$otto__left" "$otto__last" && : "$otto__last"; } > /dev/null 2>&1'
# With `extdebug`, bash leaves out a command whose handler fails.
otto__looking=$otto__first'; otto__nothing() { :; }'
builtin trap "$otto__looking" DEBUG

# otto__save_early [trap]: what is set after it is not in the record, which says so.
otto__save_early() {
	otto__early=${1-1}
	otto__save_anew
	otto__early=
}

# In the place of what was saved before, of which a loop would make a large file.
otto__save_anew() {
	builtin true >| "$otto__dir/dump"
	otto__hand_over
}
