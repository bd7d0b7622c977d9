# fish completion of kubectl-mlops-backup: source this file, or save it as kubectl-mlops-backup.fish in ~/.config/fish/completions.
function __kubectl_mlops_backup_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    set -l answer (MLOPS_COMPLETE=direct command $program __complete $words "$current" </dev/null 2>/dev/null)
    test (count $answer) -gt 0
    or return
    string match -qr '^:\d+$' -- $answer[-1]
    or return
    set -l directive (string sub -s 2 -- $answer[-1])
    set -e answer[-1]
    # Values come alone: what stands before them stays.
    set -l flag (string match -r '^-[^=]*=' -- "$current")
    if test (count $answer) -eq 0
        set -l value (string replace -- "$flag" '' "$current")
        if test (math "floor($directive / 16) % 2") -eq 1
            set answer (__fish_complete_directories "$value" '')
        else if test (math "floor($directive / 4) % 2") -eq 0
            set answer (__fish_complete_path "$value" '')
        end
    end
    for line in $answer
        printf '%s%s\n' "$flag" $line
    end
end
complete -c kubectl-mlops-backup -k -f -a '(__kubectl_mlops_backup_complete)'
