import type { CompletionNode } from './nodes.ts';

/** fish completions: one line per command and flag, each with the command path in which it holds. */
export function fishScript(nodes: readonly CompletionNode[]): string {
  const takesValue = new Set<string>();
  for (const { name, short, isSwitch } of nodes.flatMap(({ flags }) => flags)) {
    if (isSwitch) continue;
    takesValue.add(`--${name}`);
    if (short !== undefined) takesValue.add(`-${short}`);
  }
  const known = nodes.map(({ path }) => quote(path.join(' '))).join(' ');
  const lines = nodes.flatMap(({ path, children, flags }) => {
    const at = `-n ${quote(`__edgeadm_at ${quote(path.join(' '))}`)}`;
    return [
      ...children.map(
        ({ name, short }) => `complete -c edgeadm -f ${at} -a ${quote(name)} -d ${quote(short)}`,
      ),
      ...flags.map(({ name, short, description, isSwitch, values }) =>
        [
          `complete -c edgeadm ${at} -l ${name}`,
          ...(short === undefined || short === name ? [] : [`-s ${short}`]),
          ...(isSwitch ? [] : values.length > 0 ? [`-x -a ${quote(values.join(' '))}`] : ['-r']),
          `-d ${quote(description)}`,
        ].join(' '),
      ),
    ];
  });
  return `# fish completion for edgeadm; made by \`edgeadm completion fish\`

function __edgeadm_at
    set -l known ${known}
    set -l path ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${[...takesValue].join(' ')}
            set skip 1
        else if not string match -q -- '-*' $word
            set -l next (string trim -- "$path $word")
            contains -- $next $known; and set path $next
        end
    end
    test "$path" = "$argv[1]"
end

complete -c edgeadm -s h -l help -d 'show the help'
${lines.join('\n')}
`;
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
