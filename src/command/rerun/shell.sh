# shellcheck shell=bash
# The shell of `otto Rerun --shell`. What otto loads for a body that reads INPUT, sets OUTPUT and calls otto.get
# and otto.set is loaded by the shell itself, so that it ends as the body would.
: "${#INPUT[@]}" "${#OUTPUT[@]}"
exec "$BASH" --rcfile "$OTTO_TASK_DIR/.otto/start.sh" -i
