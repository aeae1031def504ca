# shellcheck shell=bash
# For bodies that may trace: of otto's functions `set -x` shows the call alone. Every bash; comes after the functions.

for otto__name in otto_set otto_set_output otto_get otto_get_input otto_deserialize_input otto_save otto_serialize_output \
	otto_items otto.set otto.get otto.save otto.items; do
	otto__text=$(builtin declare -f "$otto__name") || continue
	builtin eval "otto__traced_$otto__text"
	builtin eval "$otto__name() {
		{
			builtin local otto__options=\$- otto__result=0
			builtin set +x
		} 2> /dev/null
		otto__traced_$otto__name \"\$@\" || otto__result=\$?
		{
			case \$otto__options in *x*) builtin set -x ;; esac
			builtin return \"\$otto__result\"
		} 2> /dev/null
	}"
done
