# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # otto__dir is set by the lines before this file, otto__own is filled by set.sh.
# Saves OUTPUT, what the functions were told, and OTTO_OUTPUT. bash 4.0 and newer.

declare -At OUTPUT=() || return
declare -A otto__own=()
OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	set +u
	otto__look
	builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
		O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" \
		S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}" \
		L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}" end >> "$otto__dir/dump"
}

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
