# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__early is set by now.sh.
# What every record ends with: the variables that may be outputs, which of them are exported, and whether it is before the
# end. Every bash.

otto__print_exports() {
	for otto__name in "${!OTTO_@}"; do
		builtin printf '%s\0' V "$otto__name" "${!otto__name-}"
	done
	builtin printf 'X\0'
	builtin compgen -e OTTO_ || builtin true
	builtin printf '\0A\0'
	builtin compgen -A arrayvar OTTO_ || builtin true
	builtin printf '\0K\0%s\0end\0' "$otto__early"
}
