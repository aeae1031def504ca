# shellcheck shell=bash
# otto_save: hands over now, for use before `exec`.

otto_save() {
	if [[ $BASHPID != "$$" ]]; then
		builtin printf 'otto: otto.save works in the main shell only; in a subshell use otto.set\n' >&2
		return 1
	fi
	case $- in
	*u*) otto__save && set -u ;;
	*) otto__save ;;
	esac
}
otto_serialize_output() {
	otto_save
}
