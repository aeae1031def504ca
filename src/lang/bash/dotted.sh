# shellcheck shell=bash
# Names with a dot, which POSIX mode does not allow. Every bash.
if [[ ! -o posix ]]; then
	otto.set() { otto_set "$@"; }
	otto.get() { otto_get "$@"; }
	otto.save() { otto_save; }
fi
