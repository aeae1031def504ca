# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # The trap for EXIT and the script's first line set the variables; a pattern means no expansion.
# What a status other than 0 at the end of a body means. A test that is false where `set -e` lets it pass, such as
# `[ -f x ] && y` at the end of a list, is no failure; everything else is, and otto is told where it was. Loaded by the
# trap for EXIT. Every bash.

otto__forgiven=
# The end of otto's own `trap`.
case $otto__command in
'builtin return "${?}"') otto__command=$otto__typed ;;
esac
# Nothing that `set -e` ended, nothing in a function, no pipeline; and a body that can end with a test (body/ending.rs).
otto__strict=
[[ ! -o errexit ]] || otto__strict=e
case $otto__strict:$otto__status:$otto__parts:${otto__line-}:$otto__function:${otto__proof-} in
e:1:1:::?*)
	# What bash writes otherwise than the body does is left out there too.
	otto__shown=${otto__command%' > /dev/null 2>&1'}
	otto__shown=${otto__shown%' 2> /dev/null'}
	otto__shown=${otto__shown//[[:space:];]/}
	otto__shown=${otto__shown//-n/}
	otto__shown=${otto__shown//1>/>}
	otto__i=0
	while ((otto__i < ${#otto__tests[@]})) && ! [[ ${otto__tests[otto__i]} == "$otto__shown" ]]; do
		((otto__i += 2))
	done
	if ((otto__i < ${#otto__tests[@]})) && builtin eval "$otto__proof"; then
		case ${otto__tests[otto__i + 1]}:$otto__command in
		:*\$* | :*'(('* | :*'-eq'* | :*'-ne'* | :*'-lt'* | :*'-le'* | :*'-gt'* | :*'-ge'*)
			# A test that broke says so when it is asked again.
			otto__said=$(
				builtin set +ex
				builtin eval "$otto__command" 2>&1 > /dev/null
			) || builtin true
			[[ $otto__said ]] || otto__forgiven=1
			;;
		:*) otto__forgiven=1 ;;
		*) if builtin eval "${otto__tests[otto__i + 1]}"; then otto__forgiven=1; fi ;;
		esac
	fi
	;;
esac
case $otto__strict:$otto__forgiven:$otto__command in
e::exit | e::exit[\ \;]* | e::'builtin exit'*) ;;
e::*)
	builtin printf '%s\0' "$otto__status" "${otto__line-}" "$otto__function" "$otto__call" "$otto__command" >| "$otto__dir/failed" || builtin true
	;;
esac 2> /dev/null
if [[ $otto__forgiven ]]; then
	case ${otto__chained-} in
	'') builtin exit 0 ;;
	esac
	otto__status=0
fi
