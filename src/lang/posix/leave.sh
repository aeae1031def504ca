# shellcheck shell=sh
# For bodies that set traps, which may take the place of otto's: functions cannot stand in for `exit` in these shells, an
# alias can.

otto__leave() {
	otto__status=$?
	otto__exit
	\exit "${1-$otto__status}"
}
alias exit=otto__leave
