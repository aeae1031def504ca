# shellcheck shell=sh
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# Notes what is exported after the `if` of a task, so that none of it counts as an output.

{
	otto__line 'otto1 sh'
	export -p
	otto__line 'otto1 end'
} >| "$otto__dir/asked"
