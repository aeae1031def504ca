# Completion of otto for fish. Load it with: otto Completions fish | source

function __otto_complete
    set -l words (commandline -opc)
    # Without its quotes, of which one may still be open.
    set -l current
    for quote in '' \' '"'
        set current (string unescape -- (commandline -ct)$quote); and break
    end
    set -l lines (otto --complete $words[2..-1] $current 2>/dev/null)
    # What stands behind the `=` of `--file=` is a path too.
    set -l before (string match -r '^--[^=]*=' -- $current)
    set -l path (string replace -r '^--[^=]*=' '' -- $current)
    switch "$lines[1]"
        case files
            printf '%s\n' "$before"(__fish_complete_path $path)
        case folders
            printf '%s\n' "$before"(__fish_complete_directories $path)
        case words
            # fish quotes what it inserts, but for a leading `~`, which it would expand: that has to be typed in quotes.
            if string match -qr '^["\']' -- (commandline -ct)
                printf '%s\n' $lines[2..-1]
            else
                string match -rv '^~' -- $lines[2..-1]
            end
    end
end

complete -c otto -f -a '(__otto_complete)'
