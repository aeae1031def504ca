# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__dir is set by the lines before this file; trap.sh reads otto__on_exit.
# Looks whether otto's handler for EXIT is still there, and puts it behind the user's one. No process is started for it.
# Every bash; needs exit.sh.

# Before the end.
otto__guard() {
	# This may be the user's handler, called after an error, and then it is too late for another one.
	otto__hand_over
	otto__take_over
}

otto__take_over() {
	builtin trap -p EXIT >| "$otto__dir/trap"
	otto__trap=
	builtin read -r -d '' otto__trap < "$otto__dir/trap" || builtin true
	if [[ $otto__trap != *otto__* ]]; then
		otto__words=()
		# `-- 'handler' EXIT`, quoted by bash itself.
		builtin eval "otto__words=(${otto__trap#trap })"
		otto__chain "${otto__words[1]-}"
		# What `trap -p` shows.
		builtin unset otto__on_exit
		[[ ! ${otto__words+x} ]] || otto__on_exit=${otto__words[1]-}
	fi
}
