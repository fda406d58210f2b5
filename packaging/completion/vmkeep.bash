# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash's completion of vmkeep, which knows itself what may follow.

_vmkeep()
{
    local line=${COMP_LINE:0:COMP_POINT} word rest joined=() pieces=0 n how candidates=() i
    COMPREPLY=()

    # bash splits words at = : and @ too; here they are put together again.
    rest=$line
    for ((n = 0; n <= COMP_CWORD; n++)); do
        word=${COMP_WORDS[n]}
        if [[ $n -gt 0 && $rest != [[:space:]]* && -n $rest && -n $word ]]; then
            joined[-1]+=$word
            pieces=$((pieces + 1))
        else
            joined+=("$word")
            pieces=0
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    mapfile -t candidates < <("${joined[0]}" complete -- "${joined[@]:1}" 2> /dev/null)

    how=${candidates[0]-words}
    case $how in
    files) compopt -o default 2> /dev/null || true ;;
    directories) compopt -o plusdirs 2> /dev/null || true ;;
    esac
    # What is before the last piece stands already.
    n=0
    if [[ $pieces -gt 0 ]]; then
        n=$((${#joined[-1]} - ${#COMP_WORDS[COMP_CWORD]}))
        [[ ${COMP_WORDS[COMP_CWORD]} != [=:@] ]] || n=${#joined[-1]}
    fi
    for ((i = 1; i < ${#candidates[@]}; i++)); do
        word=${candidates[i]%%$'\t'*}
        COMPREPLY+=("$(printf '%q' "${word:n}")")
    done
}
complete -F _vmkeep vmkeep
