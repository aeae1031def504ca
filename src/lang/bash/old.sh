# shellcheck shell=bash
# shellcheck disable=SC2064 # otto__quiet is the same at all times.
# Below bash 4.2 a trap for EXIT is no place for otto: with `set -eu` it turns the failure of an unset variable into
# status 0. So outputs are saved by `exit` and by the last line, and behind a handler only if the body sets one.

otto__chain() {
	case $1 in
	'' | -) otto__hand_over ;;
	*) builtin trap -- "${otto__quiet-}otto__before && : ; $1"$'\n'otto__exit EXIT ;;
	esac
}
