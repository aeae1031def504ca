# Completion of otto for fish. Load it with: otto Completions fish | source

function __otto_complete
    set -l words (commandline -opc)
    set -l lines (otto --complete $words[2..-1] (commandline -ct) 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
        case words
            printf '%s\n' $lines[2..-1]
    end
end

complete -c otto -f -a '(__otto_complete)'
