# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and the arrays are set by the lines before this file.
# Saves OUTPUT, what the functions were told, OTTO_OUTPUT and the exported variables. bash 4.0 and newer; needs ready.sh.

# Leaves `set -u` off.
otto__save() {
	builtin set +u
	otto__look
	{
		builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" \
			S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}" \
			L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
		for otto__name in "${!OTTO_@}"; do
			builtin printf '%s\0' V "$otto__name" "${!otto__name-}"
		done
		builtin printf 'X\0'
		builtin compgen -e OTTO_ || builtin true
		builtin printf '\0A\0'
		builtin compgen -A arrayvar OTTO_ || builtin true
		builtin printf '\0end\0'
	} >> "$otto__dir/dump"
}
