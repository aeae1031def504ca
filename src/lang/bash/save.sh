# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and the arrays are set by the lines before this file.
# Saves OUTPUT, what the functions were told, OTTO_OUTPUT and the exported variables. bash 4.0 and newer; needs ready.sh
# and exports.sh.

# Leaves `set -u` off.
otto__save() {
	builtin set +u
	otto__look
	{
		builtin printf '%s\0' otto1 "$BASH_VERSION" "$otto__plain" "${#FUNCNAME[@]}" "${FUNCNAME[@]}" \
			O "${#OUTPUT[@]}" "${!OUTPUT[@]}" "${OUTPUT[@]}" \
			S "${#otto__own[@]}" "${!otto__own[@]}" "${otto__own[@]}" \
			L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
		otto__print_exports
	} >> "$otto__dir/dump"
}
