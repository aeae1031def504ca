# shellcheck shell=ksh
# shellcheck disable=SC2154 # otto__failed is set before this.
# Notes the status and the line of a command that `set -e` ends the body at. For ksh and zsh; in a function zsh knows
# no line of the file.

trap 'case $- in *e*) print -r -- "$? $LINENO" >| "$otto__failed" ;; esac' ERR
