#compdef otto
# Completion of otto for zsh. Load it with: source <(otto Completions zsh)

_otto() {
    local line value about
    local -a lines values
    lines=("${(@f)$(${words[1]} --complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
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
            values+=("${value//:/\\:}:$about")
        done
        _describe -t otto otto values
        ;;
    esac
}

if [[ $funcstack[1] == _otto ]]; then
    _otto "$@"
else
    compdef _otto otto
fi
