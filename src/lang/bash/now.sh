# shellcheck shell=bash
# shellcheck disable=SC2034 # exports.sh reads otto__early.
# otto_save: hands over now, for use before `exec`. The record says so, by which otto knows a shell that set more after it and
# then came to no end of its own. Every bash; needs middle.sh.

otto__early=

otto_save() {
	if [[ ${BASHPID-$$} != "$$" || $BASH_SUBSHELL != 0 ]]; then
		builtin printf 'otto: otto.save works in the main shell only; in a subshell use otto.set\n' >&2
		builtin return 1
	fi
	otto__early=1
	otto__hand_over
	otto__early=
}

otto_serialize_output() {
	otto_save
}
