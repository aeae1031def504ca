# shellcheck shell=bash
# shellcheck disable=SC1090,SC2154 # otto__asked and otto__answer are set by the lines before this file.
# Asks the `if` of a task: status 0 goes on, 1 skips the task, anything else fails it. A shell that ends inside the `if`
# leaves no answer, and neither does one in which a function of otto found nothing. Every bash.

# One command, so that it is read before a syntax error in the `if` can confuse the reader.
{
	if . "$otto__asked"; then otto__if=0; else otto__if=$?; fi
	[[ ! -f $otto__answer.missing ]] || builtin exit 1
	if [[ -f $otto__answer ]]; then
		builtin printf '%s\n' "$otto__if" >| "$otto__answer"
	elif [[ $otto__if == 1 ]]; then
		builtin printf 'otto: the if of this task is false\n' >&2
	fi
	case $otto__if in
	0) ;;
	1) builtin exit 0 ;;
	*) builtin exit 1 ;;
	esac
	: otto__forget
	builtin unset otto__asked otto__answer otto__if
}
