# shellcheck shell=bash
# What save.sh and save3.sh write of variables: the array OTTO_OUTPUT, and everything exported that is called OTTO_….

otto__save_variables() {
	builtin printf '%s\0' L "${#OTTO_OUTPUT[@]}" "${OTTO_OUTPUT[@]}"
	for otto__name in "${!OTTO_@}"; do
		builtin printf '%s\0' V "$otto__name" "${!otto__name-}"
	done
	builtin printf 'X\0'
	builtin compgen -e OTTO_ || builtin true
	builtin printf '\0'
}

# Nothing runs after this one.
otto__exit() {
	# In POSIX mode special builtins come before functions, so `unset` is the real one whatever the body defined.
	POSIXLY_CORRECT=1
	unset -f builtin
	trap - DEBUG RETURN ERR
	otto__save
}
