import { quote } from './bash.ts';
import type { CompletionFlag, CompletionNode } from './nodes.ts';

/** A zsh completion function with descriptions. */
export function zshScript(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, children, flags }) =>
    [
      `    ${quote(path.join(' '))})`,
      `      commands=(${children.map(({ name, short }) => quote(`${escapeColons(name)}:${short}`)).join(' ')})`,
      `      flags=(${flags.map(argument).join(' ')})`,
      '      ;;',
    ].join('\n'),
  );
  const takesValue = [
    ...new Set(
      nodes.flatMap(({ flags }) =>
        flags
          .filter(({ isSwitch }) => !isSwitch)
          .flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]),
      ),
    ),
  ];
  return `#compdef edgeadm
# zsh completion for edgeadm; made by \`edgeadm completion zsh\`

_edgeadm_tables() {
  commands=()
  flags=()
  case "$1" in
${cases.join('\n')}
  esac
}

_edgeadm() {
  local path_='' word
  local -a commands flags
  integer position=2
  _edgeadm_tables ''
  while (( position < CURRENT )); do
    word=$words[position]
    (( position++ ))
    case $word in
      ${takesValue.join('|')}) (( position++ )) ;;
      -*) ;;
      *)
        if (( \${commands[(I)\${word}:*]} )); then
          path_="\${path_:+$path_ }$word"
          _edgeadm_tables "$path_"
        fi
        ;;
    esac
  done
  if (( position == CURRENT )) && (( $#commands )) && [[ $words[CURRENT] != -* ]]; then
    _describe 'command' commands
    return
  fi
  _arguments -s "$flags[@]" '(-h --help)'{-h,--help}'[show the help]' '*:file:_files'
}

if [ "$funcstack[1]" = _edgeadm ]; then _edgeadm "$@"; else compdef _edgeadm edgeadm; fi
`;
}

/** One line of _arguments: `--flag=[what it is]:value:(a b)`. */
function argument({ name, description, isSwitch, values }: CompletionFlag): string {
  const text = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  if (isSwitch) return quote(`--${name}${text}`);
  const action = values.length > 0 ? `(${values.map(escapeColons).join(' ')})` : '_files';
  return quote(`--${name}=${text}:${name}:${action}`);
}

const escapeColons = (text: string): string => text.replaceAll(':', '\\:');
