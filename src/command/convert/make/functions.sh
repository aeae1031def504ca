# shellcheck shell=sh
# What bodies made from a Makefile call. Only what the shell has itself: no other program takes part.

# run LINE: a line whose beginning is known only now: `@`, `-` and `+` there are make's.
run() {
    make_line=$1 make_lenient=
    while :; do
        case $make_line in
        [@+\ \	]*) ;;
        -*) make_lenient=1 ;;
        *) break ;;
        esac
        make_line=${make_line#?}
    done
    [ -n "$make_line" ] || return 0
    /bin/sh -c "$make_line" || [ -n "$make_lenient" ]
}

# direct LINE: make starts a command itself where nothing in its line needs a shell.
direct() {
    case $1 in
    *[\#\;\"*?[\&\|\<\>\(\)\{\}\$\`^~!]*) /bin/sh -c "$1" ;;
    *) /bin/sh -c "exec $1" ;;
    esac
}

# ask COMMAND: what it prints, on one line and with a blank behind it, as `$(shell …)` of make.
ask() {
    make_text=$(/bin/sh -c "$1") || :
    printf '%s\n' "$make_text" | while IFS= read -r make_line; do printf '%s ' "$make_line"; done
}

# wildcard FILE…: those that exist.
wildcard() {
    make_blank=
    for make_file; do
        if [ -e "$make_file" ]; then
            printf '%s' "$make_blank$make_file"
            make_blank=' '
        fi
    done
}

make_strip() {
    set -f
    # shellcheck disable=SC2086
    set -- $1
    printf %s "$*"
}

make_subst() {
    make_text=$3 make_done=
    [ -n "$1" ] || make_done=$3$2 make_text=
    while [ -n "$1" ]; do
        case $make_text in
        *"$1"*) ;;
        *) break ;;
        esac
        make_done=$make_done${make_text%%"$1"*}$2
        make_text=${make_text#*"$1"}
    done
    printf %s "$make_done$make_text"
}

# make_matches PATTERN WORD: sets make_stem.
make_matches() {
    case $1 in
    *%*)
        make_before=${1%%%*} make_after=${1#*%}
        case $2 in
        "$make_before"*"$make_after") ;;
        *) return 1 ;;
        esac
        [ "${#2}" -ge $((${#make_before} + ${#make_after})) ] || return 1
        make_stem=${2#"$make_before"}
        make_stem=${make_stem%"$make_after"}
        ;;
    *) [ "$1" = "$2" ] && make_stem=% ;;
    esac
}

make_patsubst() {
    set -f
    make_blank=
    for make_one in $3; do
        if make_matches "$1" "$make_one"; then
            case $2 in
            *%*) make_one=${2%%%*}$make_stem${2#*%} ;;
            *) make_one=$2 ;;
            esac
        fi
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}

make_findstring() {
    case $2 in *"$1"*) printf %s "$1" ;; esac
}

# make_chosen IS_KEPT PATTERNS TEXT
make_chosen() {
    set -f
    make_blank=
    for make_one in $3; do
        make_kept=no
        for make_pattern in $2; do
            if make_matches "$make_pattern" "$make_one"; then make_kept=yes; fi
        done
        if [ "$make_kept" = "$1" ]; then
            printf %s "$make_blank$make_one"
            make_blank=' '
        fi
    done
}

make_filter() {
    make_chosen yes "$1" "$2"
}

make_filter_out() {
    make_chosen no "$1" "$2"
}

# shellcheck disable=SC3012 # dash, bash, busybox, ksh, mksh and zsh all compare with `\<`.
make_sort() {
    set -f
    make_sorted=
    for make_one in $1; do
        make_next=''
        make_placed=''
        for make_other in $make_sorted; do
            if [ -z "$make_placed" ]; then
                if [ "$make_one" = "$make_other" ]; then
                    make_placed=1
                elif [ "$make_one" \< "$make_other" ]; then
                    make_next="$make_next $make_one" make_placed=1
                fi
            fi
            make_next="$make_next $make_other"
        done
        [ -n "$make_placed" ] || make_next="$make_next $make_one"
        make_sorted=$make_next
    done
    printf %s "${make_sorted# }"
}

make_word() {
    make_wordlist "$1" "$1" "$2"
}

# With the blanks that stand between the words.
make_wordlist() {
    make_text=$3 make_place=0
    while [ "$make_place" -lt "$2" ]; do
        make_blank=${make_text%%[![:space:]]*}
        make_text=${make_text#"$make_blank"}
        [ -n "$make_text" ] || break
        make_one=${make_text%%[[:space:]]*}
        make_text=${make_text#"$make_one"}
        make_place=$((make_place + 1))
        [ "$make_place" -gt "$1" ] || make_blank=
        [ "$make_place" -lt "$1" ] || printf %s "$make_blank$make_one"
    done
}

make_words() {
    set -f
    # shellcheck disable=SC2086
    set -- $1
    printf %s "$#"
}

make_firstword() {
    make_wordlist 1 1 "$1"
}

make_lastword() {
    make_last=
    set -f
    for make_one in $1; do make_last=$make_one; done
    printf %s "$make_last"
}

make_dir() {
    set -f
    make_blank=
    for make_one in $1; do
        case $make_one in
        */*) make_one=${make_one%/*}/ ;;
        *) make_one=./ ;;
        esac
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}

make_notdir() {
    set -f
    make_blank=
    for make_one in $1; do
        make_one=${make_one##*/}
        [ -n "$make_one" ] || continue
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}

make_basename() {
    set -f
    make_blank=
    for make_one in $1; do
        case ${make_one##*/} in *.*) make_one=${make_one%.*} ;; esac
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}

make_suffix() {
    set -f
    make_blank=
    for make_one in $1; do
        case ${make_one##*/} in
        *.*) make_one=.${make_one##*.} ;;
        *) continue ;;
        esac
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}

make_addsuffix() {
    make_around '' "$1" "$2"
}

make_addprefix() {
    make_around "$1" '' "$2"
}

make_around() {
    set -f
    make_blank=
    for make_one in $3; do
        printf %s "$make_blank$1$make_one$2"
        make_blank=' '
    done
}

# make_join LEFT RIGHT: the first word of each, the second of each, and so on.
make_join() {
    set -f
    make_text=$1 make_blank=
    # shellcheck disable=SC2086
    set -- $2
    for make_one in $make_text; do
        printf %s "$make_blank$make_one${1-}"
        [ "$#" -eq 0 ] || shift
        make_blank=' '
    done
    for make_one; do
        printf %s "$make_blank$make_one"
        make_blank=' '
    done
}
