# Types lines into an interactive zsh, on a terminal of its own, and has them completed.
# Arguments: how the completions are loaded, then each line. What becomes of them goes to `lines`,
# what the terminal shows to `shown`.
zmodload zsh/zpty || exit 3
setup=$1
shift
: >../lines >../shown
# C-x i inserts everything that is offered, C-x l lists it, C-x p writes the line, C-x d drops it.
cat >../setup <<'END'
PROMPT= RPROMPT= LISTMAX=100
stty columns 300 rows 100
unsetopt zle_bracketed_paste 2>/dev/null
unset zle_bracketed_paste
autoload -Uz compinit
zstyle ':completion:*:descriptions' format '<%d>'
zstyle ':completion:*:messages' format '<%d>'
everything() { _main_complete "$@"; compstate[insert]=all; compstate[list]= }
listed() { _main_complete "$@"; compstate[insert]=; compstate[list]='list force' }
drop() { BUFFER=; zle -I; print -r -- "DONE-$((++done))." }
write() { print -r -- "$BUFFER" >>../lines; drop }
declare -i done=0
END
print -r -- "$setup" >>../setup
cat >>../setup <<'END'
zle -C everything complete-word everything
zle -C listed complete-word listed
zle -N write
zle -N drop
bindkey '^Xi' everything
bindkey '^Xl' listed
bindkey '^Xp' write
bindkey '^Xd' drop
print DONE-$done.
END
zpty shell zsh -f -i
zpty -w shell 'source ../setup'
zpty -r shell out '*DONE-0.*' || exit 4
for ((i = 1; i <= $#; i++)); do
    zpty -w -n shell "${argv[i]}"$'\x18i\x18p'
    zpty -r shell out "*DONE-$((2 * i - 1)).*" || exit 5
    zpty -w -n shell "${argv[i]}"$'\x18l\x18d'
    zpty -r shell out "*DONE-$((2 * i)).*" || exit 6
    print -r -- "$out" >>../shown
done
zpty -d shell
