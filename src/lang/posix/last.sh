# shellcheck shell=sh
# The last line of a script for an old bash called `sh` hands its status through this.

otto__last() {
	otto__exit
	return "$1"
}
