# shellcheck shell=bash
# Saves before `exec`, of which nobody knows whether anything is lost with it.

otto__look_first() {
	case $BASH_COMMAND in
	*exec*) otto__hand_over ;;
	esac
}
