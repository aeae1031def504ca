# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # The trap for EXIT sets the variables; a pattern means no expansion.
# What a status other than 0 at the end of a body means. A test that is false where `set -e` lets it pass, such as
# `[ -f x ] && y` at the end of a list, is no failure; everything else is, and otto is told where it was. Loaded by the
# trap for EXIT. Every bash.

otto__forgiven=
# Nothing that `set -e` ended, nothing in a function, no pipeline.
case $-:$otto__status:$otto__parts:${otto__line-}:$otto__function in
*e*:1:1::)
	case $otto__command in
	'[ '*' ]' | 'test '* | '[[ '*' ]]' | '(('*'))') otto__forgiven=1 ;;
	*[\$\`]*) ;;
	# The status of such a loop is that of a test in it, and its last command the one that found no more lines.
	'read '* | 'IFS='*' read '*) otto__forgiven=${otto__loop-} ;;
	esac
	# The last word of a test that has been made is `]`; where one broke before, it is that of another command.
	case $otto__forgiven:$otto__word:$otto__command in
	'1:]:[ '* | :* | *\`* | *'$('[!\(]*) ;;
	*'$'* | *'(('* | *'-eq'* | *'-ne'* | *'-lt'* | *'-le'* | *'-gt'* | *'-ge'*)
		# A test that broke says so when it is asked again.
		otto__said=$(
			builtin set +ex
			builtin eval "$otto__command" 2>&1 > /dev/null
		) || builtin true
		[[ ! $otto__said ]] || otto__forgiven=
		;;
	esac
	;;
esac
case $-:$otto__forgiven:$otto__command in
*e*::exit | *e*::exit[\ \;]* | *e*::'builtin exit'*) ;;
*e*::*)
	builtin printf '%s\0' "$otto__status" "${otto__line-}" "$otto__function" "$otto__call" "$otto__command" >| "$otto__dir/failed" || builtin true
	;;
esac 2> /dev/null
if [[ $otto__forgiven ]]; then
	case ${otto__chained-} in
	'') builtin exit 0 ;;
	esac
	otto__status=0
fi
