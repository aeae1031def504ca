# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__dir is set by the lines before this file; set.sh and save.sh use the arrays.
# What save.sh builds on. bash 4.0 and newer.

declare -A otto__own=()
OTTO_OUTPUT=()

# What has become of OUTPUT itself.
otto__look() {
	builtin set +u
	# Arithmetic, and so an assignment, unless OUTPUT is still an associative array.
	otto__plain=
	: "${OUTPUT[otto__plain=1]+x}"
	# Ended inside a function, which may have an OUTPUT of its own: the attribute `t` tells them apart.
	for otto__name in "${FUNCNAME[@]}"; do
		case $otto__name in
		otto__* | exit | trap | main | source) ;;
		*)
			builtin declare -p OUTPUT >| "$otto__dir/shadow" || builtin true
			builtin return 0
			;;
		esac
	done
}
