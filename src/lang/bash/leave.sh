# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# Saves before `exec`, of which nobody knows whether anything is lost with it, and before whatever may call it where no look is
# taken: functions and files that are loaded.

otto__look_at_exec() {
	otto__name=${BASH_COMMAND%%[[:space:]]*}
	case $BASH_COMMAND:$otto__name in
	*exec*:* | *:. | *:source) otto__save_anew ;;
	'[['*:* | '(('*:*) ;;
	# Nobody knows what it is called.
	*:*[!a-zA-Z0-9_./:[-]*) otto__save_anew ;;
	*) ! builtin declare -F -- "$otto__name" || otto__save_anew ;;
	esac
}

# In the place of what was saved before, of which a loop would make a large file.
otto__save_anew() {
	builtin true >| "$otto__dir/dump"
	otto__hand_over
}
