# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__own is read by save.sh, and otto__dir is set by the lines before this file.
# otto_set and its older name. In the main shell values wait in memory; once a subshell has written one, the journal keeps
# the order. Everything that is not plain is in more.sh. bash 4.0 and newer.

otto_set() {
	if [[ $# == 2 && $1 && $1 != --json && $1 != --list && $1 != --secret && $BASHPID == "$$" && ! -s $otto__dir/journal ]]; then
		otto__own[$1]=$2
	else
		otto__more
		otto__set "$@"
	fi
}
