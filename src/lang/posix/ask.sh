# shellcheck shell=sh
# shellcheck disable=SC1090,SC2154 # otto__asked and otto__answer are set by the lines before this file.
# Asks the `if` of a task: status 0 goes on, 1 skips the task, anything else fails it. A shell that ends inside the `if`
# leaves no answer, and neither does one in which a function of otto found nothing. Uses `echo`, which every shell has, and which prints a number as it is.

# In some of these shells a subshell in a file that is loaded does not know that it stands in a condition, so `set -e` is
# off. The last line of the file sets otto__if: a syntax error leaves it empty.
otto__if=
set +e
. "$otto__asked"
set -e
[ ! -f "$otto__answer.missing" ] || \exit 1
if [ -f "$otto__answer" ]; then
	\echo "${otto__if:-none}" >| "$otto__answer"
elif [ "$otto__if" = 1 ]; then
	\echo 'otto: the if of this task is false' >&2
fi
case $otto__if in
0) ;;
1) \exit 0 ;;
*) \exit 1 ;;
esac
: otto__forget
unset otto__asked otto__answer otto__if
