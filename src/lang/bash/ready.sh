# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__dir is set by the lines before this file; set.sh, save.sh and save_all.sh use the arrays.
# What save.sh and save_all.sh build on. bash 4.0 and newer.

declare -At OUTPUT=() || return
declare -A otto__own=()
OTTO_OUTPUT=()

# What has become of OUTPUT itself.
otto__look() {
	# Arithmetic, and so an assignment, unless OUTPUT is still an associative array.
	otto__plain=
	: "${OUTPUT[otto__plain=1]+x}"
	# Ended inside a function, which may have an OUTPUT of its own: the attribute `t` tells them apart.
	case ${FUNCNAME[${#FUNCNAME[@]} - 2]} in
	otto__* | exit) ;;
	*) builtin declare -p OUTPUT >| "$otto__dir/shadow" ;;
	esac
}

otto__exit() {
	otto__save
}
