# shellcheck shell=bash
# otto_save: hands over now, for use before `exec`. Every bash; needs middle.sh.

otto_save() {
	if [[ ${BASHPID-$$} != "$$" || $BASH_SUBSHELL != 0 ]]; then
		builtin printf 'otto: otto.save works in the main shell only; in a subshell use otto.set\n' >&2
		builtin return 1
	fi
	otto__hand_over
}

otto_serialize_output() {
	otto_save
}
