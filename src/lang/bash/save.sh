# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# shellcheck disable=SC2034 # variables.sh reads OTTO_OUTPUT.
# Saves everything a body can hand over: OUTPUT, what the functions were told, OTTO_OUTPUT, exported variables.
# bash 4.0 and newer.

declare -At OUTPUT=() || return
declare -A otto__own=()
declare -a OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	set +u
	# Arithmetic, and so an assignment, unless OUTPUT is still an associative array.
	otto__plain=
	: "${OUTPUT[otto__plain=1]+x}"
	# Ended inside a function: which may have an OUTPUT of its own. The attribute `t` tells them apart.
	[[ ${#FUNCNAME[@]} -le 2 ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	{
		builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" \
			S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}"
		otto__save_variables
		builtin printf 'end\0'
	} >> "$otto__dir/dump"
}

# In the main shell values wait in memory; once a subshell has written one, the journal keeps the order.
otto__keep() {
	if [[ $BASHPID == "$$" && ! -s $otto__dir/journal ]]; then
		otto__own[$1]=$2
	else
		otto__record s "$1" "$2"
	fi
}
