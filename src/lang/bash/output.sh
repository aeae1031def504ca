# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# Saves OUTPUT when the shell ends, however it ends. The whole of what a body needs that only sets OUTPUT.
# bash 4.2 and newer.

declare -At OUTPUT=() || return

otto__exit() {
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	POSIXLY_CORRECT=1
	unset -f builtin
	set +u
	# Arithmetic, and so an assignment, unless OUTPUT is still an associative array.
	otto__plain=
	: "${OUTPUT[otto__plain=1]+x}"
	# Ended inside a function: which may have an OUTPUT of its own. The attribute `t` tells them apart.
	[[ ${#FUNCNAME[@]} -le 2 ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
		O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" end >> "$otto__dir/dump"
}
