# shellcheck shell=bash
# Puts otto's handler for EXIT behind one that was set past otto's `trap`. What was set until then is saved before that, for bash may
# end right behind such a command, at a line that it cannot read. Needs first.sh and guard.sh.

otto__look_past() {
	case $BASH_COMMAND in
	*trap*) otto__save_early trap ;;
	esac
	otto__take_over
}
