# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__dir is set by the lines before this file; exports.sh reads otto__early.
# Saves before `exec`, of which nobody knows whether anything is lost with it, and before whatever may call it where no look is
# taken: functions and files that are loaded. What these set is not in the record, which says so. Needs middle.sh and now.sh.

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

otto__save_early() {
	otto__early=1
	otto__save_anew
	otto__early=
}

# In the place of what was saved before, of which a loop would make a large file.
otto__save_anew() {
	builtin true >| "$otto__dir/dump"
	otto__hand_over
}
