# shellcheck shell=bash
# otto_items, which is in more.sh. For bodies that may ask for the items of a foreach task. Every bash.

otto_items() {
	otto__more
	otto__items_of "$@"
}
if [[ ! -o posix ]]; then
	otto.items() { otto_items "$@"; }
fi
