# shellcheck shell=bash
# shellcheck disable=SC2034 # more.sh reads otto__value and otto__is_there.
# otto__find KEY: sets otto__value, and otto__is_there to something if there is such an input. In bash 3.2 generated
# functions of these names do it.

otto__find() {
	otto__is_there=${INPUT[$1]+x}
	otto__value=${INPUT[$1]-}
	[[ $otto__is_there || $1 != *'.*.'* ]] || otto__items "${1%%'.*.'*}" otto__find_none || builtin true
}

# otto__find_none [ITEM…]: of a foreach task without jobs every list is empty.
otto__find_none() {
	(($#)) || otto__is_there=x otto__value='[]'
}

# Keys used to be stored in lower case with `_` for everything else; that spelling still finds its key if only one
# is meant.
otto__find_folded() {
	otto__is_there='' otto__i=0
	((${#INPUT[@]})) || builtin return 0
	for otto__name in "${!INPUT[@]}"; do
		otto__keys=${otto__name//[!a-zA-Z0-9]/_}
		# In Turkish the small letter of I is another one.
		otto__keys=${otto__keys//I/i}
		if [[ ${otto__keys,,} == "${1//[!a-z0-9]/_}" ]]; then
			otto__is_there=x
			otto__value=${INPUT[$otto__name]}
			((otto__i += 1))
		fi
	done
	((otto__i < 2)) || otto__is_there=''
}
