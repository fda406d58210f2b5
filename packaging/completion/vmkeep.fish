# SPDX-License-Identifier: MIT
#
# fish's completion of vmkeep, which knows itself what may follow.

function __vmkeep_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l answer ($before[1] complete -- $before[2..] "$word" 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$word"
        case directories
            __fish_complete_directories "$word"
    end
    printf '%s\n' $answer[2..]
end

complete -c vmkeep -f -a '(__vmkeep_complete)'
