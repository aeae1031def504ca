# shellcheck shell=bash
# shellcheck disable=SC2154 # OTTO_READY is in the environment of a service.
# For services, which do not end before others need what they set: it is saved at once. Every bash; needs more.sh and
# middle.sh.

otto_set() {
	otto__more
	otto__set "$@"
}

otto_set_output() {
	otto__more
	otto__set_output "$@"
}

# Saves, and says that the service can be used.
otto_ready() {
	if [[ ${BASHPID-$$} == "$$" && $BASH_SUBSHELL == 0 ]]; then
		otto__hand_over
	fi
	builtin printf '' >| "$OTTO_READY"
}

if [[ ! -o posix ]]; then
	otto.ready() { otto_ready; }
fi
