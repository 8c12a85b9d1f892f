// Scripts that complete `offthread` in shells. Each runs `offthread complete -- WORDS`, and offers files if that prints
// nothing.

const BASH = `_offthread() {
  local IFS=$'\\n'
  COMPREPLY=($("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _offthread offthread
`;

// Loaded by compinit from a file named _offthread, or by `source`.
const ZSH = `#compdef offthread
_offthread() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z "$found" ]]; then
    _files
  else
    found=("\${(@)found//:/\\\\:}")
    found=("\${(@)found/$'\\t'/:}")
    _describe offthread found
  fi
}
if [[ "$funcstack[1]" == _offthread ]]; then
  _offthread "$@"
else
  compdef _offthread offthread
fi
`;

const FISH = `function __offthread_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  offthread complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c offthread -f -n 'count (__offthread_complete) >/dev/null' -a '(__offthread_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
