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
  const values = valueCases(nodes).map(
    ({ patterns, list }) =>
      `    ${patterns.join('|')}) COMPREPLY=($(compgen -W ${quote(list)} -- "$cur")) ;;`,
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
  case "$1 $2" in
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
    _edgeadm_value "$path" "$flag"
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

/** Patterns of `COMMAND FLAG` for flags whose values are known; the most frequent values of a flag hold for any command. */
function valueCases(nodes: readonly CompletionNode[]): { patterns: string[]; list: string }[] {
  const known = nodes.flatMap(({ path, flags }) =>
    flags
      .filter(({ values }) => values.length > 0)
      .map((flag) => ({ path: path.join(' '), flag, list: flag.values.join(' ') })),
  );
  const special: { patterns: string[]; list: string }[] = [];
  const general: { patterns: string[]; list: string }[] = [];
  for (const uses of Map.groupBy(known, ({ flag }) => flag.name).values()) {
    const [common, ...others] = [...Map.groupBy(uses, ({ list }) => list)].sort(
      ([, a], [, b]) => b.length - a.length,
    );
    for (const [list, at] of others) {
      special.push({
        list,
        patterns: at.flatMap(({ path, flag }) => valueWords(flag).map((word) => quote(`${path} ${word}`))),
      });
    }
    if (common)
      general.push({
        list: common[0],
        patterns: valueWords(common[1][0]!.flag).map((word) => `*${quote(` ${word}`)}`),
      });
  }
  return [...special, ...general];
}

export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
