# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2064,SC2154 # The handler expands when it runs; trap.sh reads otto__first.
# For bodies that may set a trap past otto's function, as `builtin trap` does, or replace the shell after loading what otto
# has not seen: a look before each command in the main shell. Only a trap for DEBUG can do that. bash 4.1 and newer; needs
# guard.sh and past.sh, leave.sh or both, whose functions otto__look_first calls.

otto__first='{ otto__left=$? otto__last=$_; case ${otto__is_ending-}:$BASHPID:${FUNCNAME-} in 1:* | *:trap | *:otto__*) ;; :$$:*) otto__look_first ;; esac; otto__return "$otto__left" "$otto__last" && : "$otto__last"; } > /dev/null 2>&1'
builtin trap "$otto__first" DEBUG
