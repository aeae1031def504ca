# shellcheck shell=bash
# shellcheck disable=SC1090,SC2016,SC2034,SC2154 # The handlers expand when they run; otto__end is set by the lines before this file.
# The end of a body without data: only a status other than 0 is looked at. A command that `set -e` ends the body at notes its
# line. bash 4.1 and newer.

otto__line=
trap 'otto__line=$LINENO' ERR
trap 'case $? in 0) ;; *) otto__status=$? otto__parts=${#PIPESTATUS[@]} otto__command=$BASH_COMMAND otto__function=${FUNCNAME-} otto__call=${BASH_LINENO-}; . "$otto__end" ;; esac' EXIT
