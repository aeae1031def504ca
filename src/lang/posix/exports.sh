# shellcheck shell=sh
# shellcheck disable=SC2154 # otto__dir comes from the lines before this file.
# Hands over exported variables, in the shell's own words. The first line is a mark, and so is the last.

otto__exit() {
	{
		printf '%s\n' 'otto1 sh'
		export -p
		printf '%s\n' 'otto1 end'
	} >> "$otto__dir/exported"
}
