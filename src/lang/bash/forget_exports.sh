# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir is set by the lines before this file.
# Notes what is exported after the `if` of a task, so that none of it counts as an output. Every bash.

{
	builtin printf 'otto1 sh\n'
	builtin export -p
	builtin printf 'otto1 end\n'
} >| "$otto__dir/asked"
