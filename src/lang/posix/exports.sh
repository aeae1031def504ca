# shellcheck shell=sh
# shellcheck disable=SC2154 # otto__dir comes from the lines before this file.
# Hands over exported variables, in the shell's own words. The first line is a mark, and so is the last.

otto__exit() {
	# In other locales ksh and mksh print some characters so that they cannot be told from bytes.
	otto__had_locale=${LC_ALL+x} otto__locale=${LC_ALL-}
	LC_ALL=C
	if [ -n "${ZSH_VERSION-}" ]; then
		otto__exit_zsh
	else
		{
			otto__line 'otto1 sh'
			export -p
			otto__line "otto1 ${otto__early:-end}"
		} >> "$otto__dir/exported"
	fi
	if [ -n "$otto__had_locale" ]; then
		LC_ALL=$otto__locale
	else
		unset LC_ALL
	fi
}

# What zsh prints of a byte may be what it prints of two; but it can name the exported variables itself. Only zsh can read
# the rest, so to every other shell it is a text.
otto__exit_zsh() {
	# As `sh` it would read flags and subscripts as that does, and not know its own variables.
	emulate -L zsh
	zmodload zsh/parameter
	eval '
	{
		otto__printf "%s\\0" otto1 "zsh $ZSH_VERSION" "" 0
		otto__names= otto__arrays=
		for otto__name in ${(k)parameters[(I)OTTO_*]}; do
			if [[ ${parameters[$otto__name]} == *export* ]]; then
				otto__printf "%s\\0" V "$otto__name" "${(P)otto__name}"
				otto__names+=$otto__name$'"'\\n'"'
				case ${parameters[$otto__name]} in
				*array* | *association*) otto__arrays+=$otto__name$'"'\\n'"' ;;
				esac
			fi
		done
		otto__printf "%s\\0" X "$otto__names" A "$otto__arrays" K "${otto__early-}" end
	} >> "$otto__dir/dump"
	'
}
