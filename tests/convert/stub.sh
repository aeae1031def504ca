#!/bin/sh
# Stands for any command: writes down how it was called. Questions, which make asks while it reads, are only answered.
name=${0##*/}
case "$name $1" in
"git rev-parse" | "git describe") echo abc1234 && exit ;;
"go env") exit ;;
"git config" | "git remote") echo "it's \"me\"" && exit ;;
date*) echo 2026-11-30 && exit ;;
uname*) echo Linux && exit ;;
"id "*) echo 1000 && exit ;;
"hostname "* | "whoami "*) echo host && exit ;;
"find "*) printf '%s\n' "$2/a.c" "$2/b.c" && exit ;;
pwd*) /bin/pwd && exit ;;
*question*) printf '%s\n' one two three && exit ;;
"large "*)
    i=0
    while [ "$i" -lt 3000 ]; do
        echo "a/rather/long/name/of/a/file/number/$i.c"
        i=$((i + 1))
    done
    exit
    ;;
esac
call=$(
    printf '%s' "$name"
    for word; do printf ' <%s>' "$word"; done
    printf ' in <%s>\037' "${PWD#"$STUB_FOLDER"}"
    export -p
)
# In one piece, for the other end of a pipe writes too.
printf '%s\036' "$call" >>"$STUB_LOG"
case $name in
fail*) exit 3 ;;
esac
