#compdef otto
# Completion of otto for zsh. Load it with: source <(otto Completions zsh)

_otto() {
    local line value about current
    local -a lines values levels
    # The quote of the word that is being written may still be open.
    current=${words[CURRENT]}${compstate[quote]-}
    current=${(Q)current}
    lines=("${(@f)$(${words[1]} --complete "${(@Q)words[2,CURRENT-1]}" "$current" 2>/dev/null)}")
    case $lines[1] in
    files | folders)
        # Behind the `=` of `--file=` too.
        compset -P '--*='
        if [[ $lines[1] == files ]]; then _files; else _files -/; fi
        ;;
    words)
        for line in "${(@)lines[2,-1]}"; do
            value=${line%%$'\t'*}
            about=${line#*$'\t'}
            # Both are taken away again, and what is inserted is quoted as its place needs it.
            value=${value//\\/\\\\}
            # The word goes on after the `/` of a namespace, and after the `=` before a value.
            if [[ $value == *[/=] ]]; then
                levels+=("${value//:/\\:}:$about")
            else
                values+=("${value//:/\\:}:$about")
            fi
        done
        _describe -t otto otto values -- levels -S ''
        ;;
    esac
}

if [[ $funcstack[1] == _otto ]]; then
    _otto "$@"
else
    compdef _otto otto
fi
