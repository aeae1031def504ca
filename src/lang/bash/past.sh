# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file, otto__on_return by trap.sh.
# Puts otto's handlers for EXIT, ERR and RETURN behind those that were set past otto's `trap`. What was set until then is saved before
# that, for bash may end right behind such a command, at a line that it cannot read. Needs first.sh and trap.sh.

otto__look_past() {
	case $BASH_COMMAND in
	*trap*) otto__save_early trap ;;
	esac
	otto__take_all
}

otto__seen=
# otto__take_all: first.sh has written what `trap -p` says, for in a function bash shows no handler but that for EXIT.
otto__take_all() {
	otto__trap=
	builtin read -r -d '' otto__trap < "$otto__dir/trap" || builtin true
	[[ $otto__trap != "$otto__seen" ]] || builtin return 0
	otto__seen=$otto__trap
	otto__words=()
	# `trap -- 'handler' EXIT` on lines of their own, quoted by bash itself.
	builtin eval "otto__words=($otto__trap)"
	otto__took=
	for ((otto__i = 0; otto__i + 3 < ${#otto__words[@]}; otto__i += 4)); do
		otto__took+=:${otto__words[otto__i + 3]}
		otto__put_own "${otto__words[otto__i + 2]}" "${otto__words[otto__i + 3]}"
	done
	for otto__signal in EXIT ERR RETURN; do
		[[ $otto__took: == *:$otto__signal:* ]] || otto__put_own - "$otto__signal"
	done
}

# otto__put_own HANDLER SIGNAL: unless it is one of otto's.
otto__put_own() {
	case $1:$2:${otto__on_return+x} in
	*otto__* | -:RETURN:) ;;
	*) otto__put "$1" "$2" ;;
	esac
}
