# shellcheck shell=bash
# As end.sh, for bodies whose traps cannot be followed by name. Every bash; needs guard.sh.

otto__end() {
	otto__guard
	builtin return "$1"
}
