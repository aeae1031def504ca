# shellcheck shell=bash
# shellcheck disable=SC2034 # The handlers of exit.sh read what is set here.
# Below bash 4.2 a trap for EXIT is no place for otto: with `set -eu` it turns the failure of an unset variable into
# status 0. So outputs are saved by `exit` and by the last line, and behind a handler only if the body sets one.

# Nothing is forgiven by a handler: the last line sees to that.
otto__line=0 otto__parts=1 otto__command='' otto__function='' otto__call=0

otto__chain() {
	case $1 in
	'' | -) otto__hand_over ;;
	*)
		builtin trap -- "{ otto__status=\$?; otto__before && :; } > /dev/null 2>&1; $1"$'\n''{ otto__after; } > /dev/null 2>&1' EXIT
		;;
	esac
}

otto__take_exit

# The last line of a script hands its status through this.
otto__last() {
	otto__guard
	builtin return "$1"
}
