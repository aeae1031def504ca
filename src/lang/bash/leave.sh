# shellcheck shell=bash
# Saves before `exec`, of which nobody knows whether anything is lost with it, and before whatever may call it where no look is
# taken: functions and files that are loaded. What these set is not in the record, which says so. Needs first.sh.

otto__look_at_exec() {
	otto__name=${BASH_COMMAND%%[[:space:]]*}
	case $BASH_COMMAND:$otto__name in
	*exec*:*) otto__save_anew ;;
	*:. | *:source) otto__save_early ;;
	'[['*:* | '(('*:*) ;;
	# Nobody knows what it is called.
	*:*[!a-zA-Z0-9_./:[-]*) otto__save_early ;;
	*) ! builtin declare -F -- "$otto__name" || otto__save_early ;;
	esac
}
