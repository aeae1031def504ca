# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2064 # The handler expands when it runs; end.sh reads what it sets.
# Notes the line of a command that `set -e` ends the body at: what has no line ended by itself. bash 4.1 and newer.

# A handler for DEBUG sees nothing of it: it is a number in the name of a file, for before a command that handler would run.
# With nocasematch the E of errtrace stays beside the e of errexit.
otto__line='' otto__forgiven='' otto__e=0 otto__eE=0 otto__ee=1 otto__eeE=1
otto__watch='{ otto__nothing() { :; }; } > "/dev/null${0:0:$((otto__e${-//[!e]/} && (otto__line = LINENO), 0))}"'
trap "$otto__watch" ERR
