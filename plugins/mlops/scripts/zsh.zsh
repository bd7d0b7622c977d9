#compdef @NAMES@
# zsh completion of @NAMES@: source this file after compinit, or save it as _@FIRST@ in a folder of fpath.
_@FIRST@() {
    local current=${(Q)PREFIX} line value directive
    local -a answer values shown options
    answer=("${(@f)$(MLOPS_COMPLETE=direct ${(Q)words[1]} __complete ${(@Q)${(@)words[2,CURRENT-1]}} "$current" </dev/null 2>/dev/null)}")
    directive=${answer[-1]}
    [[ $directive == :<-> ]] || return 1
    directive=${directive#:}
    shift -p answer
    # Values come alone: what stands before them stays.
    [[ $current == -*=* ]] && compset -P 1 '*='
    for line in "${answer[@]}"; do
        value=${line%%$'\t'*}
        values+=("$value")
        if [[ $line == *$'\t'* ]]; then
            shown+=("$value  -- ${line#*$'\t'}")
            options=(-l)
        else
            shown+=("$value")
        fi
    done
    ((directive & 2)) && options+=(-S '')
    if ((${#values})); then
        compadd "${options[@]}" -d shown -a values
    elif ((directive & 16)); then
        _files -/
    elif ((!(directive & 4))); then
        _files
    else
        return 1
    fi
}
if [[ ${funcstack[1]} == _@FIRST@ ]]; then
    _@FIRST@ "$@"
else
    compdef _@FIRST@ @NAMES@
fi
