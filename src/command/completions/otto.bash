# Completion of otto for bash. Load it with: source <(otto Completions bash)

_otto() {
    local line=${COMP_LINE:0:COMP_POINT} word current cut quote='' kind value index
    local -a words=()
    # bash cuts words at `:` and `=` too; otto gets them whole.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if ((${#words[@]})) && [[ $line != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
    done
    # And without the quotes; the word that is being written may have an open one.
    for ((index = 0; index < ${#words[@]}; index++)); do
        word=${words[index]}
        case $word in
        \"*\" | \'*\') word=${word#?} word=${word%?} ;;
        [\"\']*) quote=${word:0:1} word=${word#?} ;;
        *) word=${word//\\/} ;;
        esac
        words[index]=$word
    done
    current=${words[${#words[@]} - 1]}
    cut=${current%"${current##*[:=]}"}
    if [[ $quote ]]; then cut=''; fi

    COMPREPLY=()
    {
        read -r kind
        while IFS=$'\t' read -r value _; do
            value=${value#"$cut"}
            if [[ ! $quote ]]; then printf -v value %q "$value"; fi
            COMPREPLY+=("$value")
        done
    } < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)

    case $kind in
    files | folders)
        if type compopt >/dev/null 2>&1; then compopt -o filenames; fi
        local option=-f
        [[ $kind == files ]] || option=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$option" -- "${current#"$cut"}")
        ;;
    esac
}

complete -F _otto otto
