# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and otto__deps are set by the lines before this file.
# Saves everything a body can hand over: OUTPUT, what the functions were told, OTTO_OUTPUT, exported variables.

declare -At OUTPUT=()
declare -A otto__own=()
declare -a OTTO_OUTPUT=()

# Leaves `set -u` off.
otto__save() {
	set +u
	otto__plain=
	: "${OUTPUT[otto__plain=1]+x}"
	[[ ${#FUNCNAME[@]} -le 2 ]] || builtin declare -p OUTPUT >| "$otto__dir/shadow"
	{
		builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" \
			S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}" \
			L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
		for otto__name in "${!OTTO_@}"; do
			builtin printf '%s\0' V "$otto__name" "${!otto__name}"
		done
		builtin printf 'X\0'
		builtin compgen -e OTTO_ || builtin true
		builtin printf '\0end\0'
	} >> "$otto__dir/dump"
}

# Nothing runs after this one.
otto__exit() {
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	POSIXLY_CORRECT=1
	unset -f builtin
	otto__save
}

trap otto__exit EXIT
