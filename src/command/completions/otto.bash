# Completion of otto for bash. Load it with: source <(otto Completions bash)

# What is typed of a word, without its quotes: in `word`. The quote that is still open at its end: in `quote`. What of it
# stands before the place from which on bash replaces it: in `cut`.
_otto_unquote() {
    local typed=$1 letter
    word='' quote='' cut=''
    while [[ $typed ]]; do
        letter=${typed:0:1} typed=${typed:1}
        case $quote$letter in
        \' | \") quote=$letter cut=$word ;;
        \'\' | \"\") quote='' cut=$word ;;
        \\) word+=${typed:0:1} typed=${typed:1} ;;
        \"\\)
            case ${typed:0:1} in
            [\"\\\$\`]) word+=${typed:0:1} typed=${typed:1} ;;
            *) word+=\\ ;;
            esac
            ;;
        *)
            word+=$letter
            if [[ ! $quote && $COMP_WORDBREAKS == *"$letter"* ]]; then cut=$word; fi
            ;;
        esac
    done
}

# A word as it has to be typed so that bash takes it for itself and for nothing else: in `value`. It follows the open quote.
_otto_quote() {
    local rest=$1 letter
    case $quote in
    \')
        # Nothing can be quoted in here; the quote is closed for that.
        value=${rest//\'/\'\\\'\'}
        ;;
    \")
        value=''
        while [[ $rest ]]; do
            letter=${rest:0:1} rest=${rest:1}
            case $letter in
            [\"\\\$\`]) value+=\\$letter ;;
            # History is expanded in here, also after a backslash, which stays then.
            !) value+="\"'!'\"" ;;
            *) value+=$letter ;;
            esac
        done
        ;;
    *) printf -v value %q "$rest" ;;
    esac
    # bash closes the quote, but not behind a value that ends with one.
    if [[ $quote && $value == *"$quote" ]]; then value+=$quote; fi
}

_otto() {
    local line=${COMP_LINE:0:COMP_POINT} word quote current cut kind value index
    local -a typed=() words=()
    # bash cuts words at `:` and `=` too; otto gets them whole.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if ((${#typed[@]})) && [[ $line != [[:space:]]* ]]; then
            typed[${#typed[@]} - 1]+=$word
        else
            typed+=("$word")
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
    done
    for ((index = 0; index < ${#typed[@]}; index++)); do
        _otto_unquote "${typed[index]}"
        words[index]=$word
    done
    current=${words[${#words[@]} - 1]}
    COMPREPLY=()
    {
        read -r kind
        while IFS=$'\t' read -r value _; do
            _otto_quote "${value#"$cut"}"
            COMPREPLY+=("$value")
        done
        # The word goes on after the `/` of a namespace, and after the `=` before a value.
        if [[ ${#COMPREPLY[@]} == 1 && $value == *[/=] ]]; then
            if type compopt >/dev/null 2>&1; then compopt -o nospace; fi
        fi
    } < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)

    case $kind in
    files | folders)
        # bash quotes these itself, as file names.
        if type compopt >/dev/null 2>&1; then compopt -o filenames; fi
        local option=-f
        [[ $kind == files ]] || option=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$option" -- "${current#"$cut"}")
        ;;
    esac
}

complete -F _otto otto
