# shellcheck shell=bash
# The functions in bash 3.2: all of them are in more.sh.

otto_set() {
	otto__more
	otto__set "$@"
}

otto_set_output() {
	otto__more
	otto__set_output "$@"
}

otto_get() {
	otto__more
	otto__get "$@"
}

otto_get_input() {
	otto__more
	otto__get_input "$@"
}
