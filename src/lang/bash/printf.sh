# shellcheck shell=bash
# shellcheck disable=SC2059 # The format is the caller's.
# For bodies that may switch `printf` off: `otto__printf` stands in its place in every file of otto's. Every bash.

otto__printf() {
	if builtin printf '' 2> /dev/null; then
		builtin printf "$@"
	elif builtin enable printf; then
		otto__printed=0
		builtin printf "$@" || otto__printed=$?
		builtin enable -n printf
		builtin return "$otto__printed"
	fi
}
