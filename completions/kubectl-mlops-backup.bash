# bash completion of kubectl-mlops-backup: source this file, or save it where bash-completion looks. Needs bash 4.
__kubectl_mlops_backup_complete() {
    local program=$1 cur line value prefix='' part flag='' directive=0 cword=0 IFS=$' \t\n'
    local -a words=() found=()
    COMPREPLY=()
    # Words as they were typed: bash itself parts them at `=` and `:` too.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n '=:' -c cur -w words -i cword
    else
        line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        [[ $line == *[[:space:]] ]] && words+=('')
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
    fi
    ((cword > 0)) || return 0
    while IFS= read -r line; do
        found+=("$line")
    done < <(MLOPS_COMPLETE=direct "$program" __complete "${words[@]:1:cword-1}" "$cur" </dev/null 2>/dev/null)
    ((${#found[@]} > 0)) || return 0
    line=${found[${#found[@]} - 1]}
    [[ $line == :* ]] || return 0
    directive=${line#:}
    unset "found[${#found[@]}-1]"
    [[ $cur == -*=* ]] && flag=${cur%%=*}=
    # Only what stands behind the last of these is replaced.
    for value in '=' ':'; do
        if [[ $COMP_WORDBREAKS == *"$value"* && $cur == *"$value"* ]]; then
            part=${cur%"${cur##*"$value"}"}
            ((${#part} > ${#prefix})) && prefix=$part
        fi
    done
    for line in "${found[@]}"; do
        value=$flag${line%%$'\t'*}
        [[ $value == "$cur"* ]] && COMPREPLY+=("$(printf %q "${value#"$prefix"}")")
    done
    ((directive & 2)) && compopt -o nospace
    if ((${#COMPREPLY[@]} == 0)); then
        if ((directive & 16)); then
            compopt -o dirnames
        elif ((!(directive & 4))); then
            compopt -o default
        fi
    fi
    return 0
}
complete -F __kubectl_mlops_backup_complete kubectl-mlops-backup
