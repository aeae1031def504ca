# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2064 # The handler expands when it runs; end.sh reads what it sets.
# Notes the line of a command that `set -e` ends the body at: what has no line ended by itself. bash 4.1 and newer.

otto__line='' otto__forgiven='' otto__watch='{ case $- in *e*) otto__line=$LINENO ;; esac; } > /dev/null 2>&1'
trap "$otto__watch" ERR
