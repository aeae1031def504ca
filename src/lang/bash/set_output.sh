# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__own is read by save.sh, and otto__dir is set by the lines before this file.
# As set.sh, under the older name.

otto_set_output() {
	if [[ $# == 2 && $1 && $1 != --json && $1 != --list && $BASHPID == "$$" && ! -s $otto__dir/journal ]]; then
		otto__own[$1]=$2
	else
		otto__more
		otto__set_output "$@"
	fi
}
