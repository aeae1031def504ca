# shellcheck shell=bash
# otto_items, which is in more.sh. Every bash.

otto_items() {
	otto__more
	otto__items_of "$@"
}
if [[ ! -o posix ]]; then
	otto.items() { otto_items "$@"; }
fi
