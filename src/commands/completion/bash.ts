import type { CompletionFlag, CompletionNode } from './nodes.ts';

/**
 * A bash script without other packages (macOS' bash 3.2 can read it too). The words before the cursor are walked down
 * the tree of commands; values of flags are jumped over.
 */
export function bashScript(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(({ path, children, flags }) =>
    [
      `    ${quote(path.join(' '))})`,
      `      commands=${quote(children.map(({ name }) => name).join(' '))}`,
      `      flags=${quote(flags.map(({ name, isSwitch }) => `--${name}${isSwitch ? '' : '='}`).join(' '))}`,
      '      ;;',
    ].join('\n'),
  );
  const takesValue = [...new Set(nodes.flatMap(({ flags }) => flags.flatMap(valueWords)))];
  const values = uniqueValues(nodes).map(
    ([words, list]) =>
      `    ${words.join('|')}) COMPREPLY=($(compgen -W ${quote(list.join(' '))} -- "$cur")) ;;`,
  );
  return `# bash completion for edgeadm; made by \`edgeadm completion bash\`

_edgeadm_tables() {
  commands=''
  flags=''
  case "$1" in
${cases.join('\n')}
  esac
}

_edgeadm_value() {
  case "$1" in
${values.join('\n')}
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}

_edgeadm() {
  local cur word path='' commands flags position=1 flag=''
  COMPREPLY=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  _edgeadm_tables ''
  while [ "$position" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[position]}"
    position=$((position + 1))
    case "$word" in
      --) return ;;
      ${takesValue.join('|')})
        # Bash splits --flag=value into three words.
        if [ "\${COMP_WORDS[position]}" = '=' ]; then position=$((position + 1)); fi
        if [ "$position" -ge "$COMP_CWORD" ]; then flag="$word"; fi
        position=$((position + 1))
        ;;
      -*) ;;
      *)
        case " $commands " in
          *" $word "*)
            path="\${path:+$path }$word"
            _edgeadm_tables "$path"
            ;;
        esac
        ;;
    esac
  done
  if [ -n "$flag" ]; then
    if [ "$cur" = '=' ]; then cur=''; fi
    _edgeadm_value "$flag"
    return
  fi
  case "$cur" in
    -*)
      COMPREPLY=($(compgen -W "$flags --help" -- "$cur"))
      case "\${COMPREPLY[0]}" in *=) compopt -o nospace 2>/dev/null ;; esac
      ;;
    *)
      COMPREPLY=($(compgen -W "$commands" -- "$cur"))
      if [ -z "$commands" ]; then COMPREPLY=($(compgen -f -- "$cur")); fi
      ;;
  esac
}

complete -o filenames -F _edgeadm edgeadm
`;
}

/** The ways in which a flag with a value can be written, and that take the next word. */
function valueWords({ name, short, isSwitch }: CompletionFlag): string[] {
  if (isSwitch) return [];
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

/** Flags whose values are known. One name can have other values in other commands: then all of them. */
export function uniqueValues(nodes: readonly CompletionNode[]): [words: string[], values: string[]][] {
  const found = new Map<string, { words: string[]; values: Set<string> }>();
  for (const flag of nodes.flatMap(({ flags }) => flags)) {
    if (flag.values.length === 0) continue;
    const entry = found.get(flag.name) ?? { words: valueWords(flag), values: new Set() };
    for (const value of flag.values) entry.values.add(value);
    found.set(flag.name, entry);
  }
  return [...found.values()].map(({ words, values }) => [words, [...values]]);
}

export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
