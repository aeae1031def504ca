# shellcheck shell=bash
# shellcheck disable=SC2154 # otto__dir and otto__deps are set by the lines before this file.
# Says why there is no such input. Every bash. `otto__deps`: the name of each dependency, then its keys in words.

otto__missing() {
	otto__found='' otto__names='' otto__i=0
	while ((otto__i < ${#otto__deps[@]})); do
		otto__name=${otto__deps[otto__i]}
		otto__names+="${otto__names:+, }$otto__name"
		# Of `a` and `a.b` the longer one is meant by `a.b.c`.
		if [[ $1 == "$otto__name".* && ${#otto__name} -gt ${#otto__found} ]]; then
			otto__found=$otto__name
			otto__keys=${otto__deps[otto__i + 1]}
		fi
		((otto__i += 2))
	done
	if [[ $otto__found ]]; then
		builtin printf "otto: no input '%s': task '%s' has no output '%s'; it has: %s\n" \
			"$1" "$otto__found" "${1#"$otto__found".}" "${otto__keys:-nothing}" >&2
	else
		builtin printf "otto: no input '%s': this task does not depend on '%s'; it depends on: %s\n" \
			"$1" "${1%%.*}" "${otto__names:-nothing}" >&2
	fi
}
