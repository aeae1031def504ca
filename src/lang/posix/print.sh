# shellcheck shell=sh
# shellcheck disable=SC2034,SC2059,SC3028,SC3044 # posix.sh reads otto__has_no_printf; `builtin` is for zsh, `print` for mksh.
# How otto prints, whatever functions the body defines. A body may use `printf` itself, so that name stays alone.

otto__printf() {
	command printf "$@"
}

# otto__line TEXT: a line, in one go.
otto__line() {
	otto__printf '%s\n' "$1"
}

otto__has_no_printf=
case ${ZSH_VERSION-}:${KSH_VERSION-} in
?*:*)
	# To zsh `command` is a program on disk.
	otto__printf() {
		builtin printf "$@"
	}
	;;
*MIRBSD* | *LEGACY* | *'PD KSH'*)
	# For mksh and its kin `printf` is such a program.
	otto__has_no_printf=1
	otto__line() {
		print -r -- "$1"
	}
	;;
esac
