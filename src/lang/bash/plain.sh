# shellcheck shell=bash
# shellcheck disable=SC1090,SC2016,SC2154 # The handler expands at the end; otto__end is set by the lines before this file.
# The end of a body without data: only a status other than 0 is looked at. bash 4.1 and newer.

trap 'otto__status=$? otto__word=$_ otto__parts=${#PIPESTATUS[@]} otto__command=$BASH_COMMAND otto__function=${FUNCNAME-} otto__call=${BASH_LINENO-}; case $otto__status in 0) ;; *) . "$otto__end" ;; esac' EXIT
