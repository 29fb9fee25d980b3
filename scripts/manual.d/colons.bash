
# Bash breaks words at the colons of a PCI address. They are joined here, and completions are cut to what follows the last colon.
_vfiogate_with_colons() {
    local -a joined=()
    local -i index current=0
    local rest="${COMP_LINE}" last='' word trimmed
    for index in "${!COMP_WORDS[@]}"; do
        word="${COMP_WORDS[index]}"
        trimmed="${rest#"${rest%%[![:space:]]*}"}"
        if [[ "${#joined[@]}" -gt 0 && "${trimmed}" = "${rest}" && ("${word}" = :* || "${last}" = *:) ]]; then
            joined[${#joined[@]} - 1]+="${word}"
        else
            joined+=("${word}")
        fi
        rest="${trimmed#"${word}"}"
        last="${word}"
        if ((index == COMP_CWORD)); then current=$((${#joined[@]} - 1)); fi
    done
    if [[ "${#joined[@]}" -eq "${#COMP_WORDS[@]}" ]]; then
        _vfiogate "${@}"
    else
        local -a COMP_WORDS=("${joined[@]}")
        local -i COMP_CWORD="${current}"
        _vfiogate "${1}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    fi
    # Completions of file names are quoted, which an address must not be.
    if [[ "${COMPREPLY[0]}" = ????*:??:??.? ]]; then compopt +o filenames; fi
    local before="${joined[current]%"${joined[current]##*:}"}"
    if [[ -n "${before}" && "${COMP_WORDBREAKS}" = *:* ]]; then COMPREPLY=("${COMPREPLY[@]#"${before}"}"); fi
}

complete -o filenames -F _vfiogate_with_colons vfiogate
