import type { FlagSpec } from '../config/flags/spec.ts';
import { type Environment, type Output, type Paint, painter } from '../ui/terminal.ts';
import { flagsOf } from './route.ts';
import type { CommandSpec, LazyCommand } from './spec.ts';

/** Terms longer than this have their description on the next line. */
const TERM_WIDTH = 34;
const MAX_WIDTH = 110;

/** Help in kubeadm's order: what it does, usage, examples, commands, flags. Ends with a line break. */
export function formatHelp(
  path: readonly CommandSpec[],
  output: Output,
  env: Environment,
  commands: readonly (CommandSpec | LazyCommand)[] = path.at(-1)?.commands ?? [],
): string {
  const spec = path.at(-1)!;
  const paint = painter(output, env);
  const width = Math.max(Math.min(output.columns ?? (Number(env.COLUMNS) || 100), MAX_WIDTH), 40);
  const name = ['edgeadm', ...path.slice(1).map((one) => one.name)].join(' ');
  const flags = flagsOf(spec).filter(
    // Told only where it does something; elsewhere it is refused with what to do instead.
    (flag) => !flag.hidden && !flag.deprecated && (flag.name !== 'rootfs' || spec.rootfs),
  );
  const own = (spec.flags ?? []).filter((flag) => flags.includes(flag));
  const global = flags.filter((flag) => !own.includes(flag));
  const section = (title: string, text: string): string =>
    text === '' ? '' : `${paint('bold', `${title}:`)}\n${text}`;
  const list = (items: readonly Item[]): string =>
    items.map((item) => formatItem(item, width, paint)).join('');
  const visible = commands.filter((command) => !('hidden' in command && command.hidden));

  return [
    `${wrap(spec.long ?? spec.short, width).join('\n')}\n`,
    ...(spec.sections ?? []).map(({ title, items }) => section(title, list(items))),
    section('Usage', usage(spec, name)),
    section('Aliases', spec.aliases ? `  ${[spec.name, ...spec.aliases].join(', ')}\n` : ''),
    section('Examples', `${spec.examples.trim().replace(/^(?=.)/gm, '  ')}\n`),
    section(
      'Arguments',
      list((spec.arguments ?? []).map((one) => ({ term: `  ${one.name}`, text: one.description }))),
    ),
    section('Available commands', list(visible.map((one) => ({ term: `  ${one.name}`, text: one.short })))),
    section("Flags (kubeadm's, same meaning)", list(own.filter(isKubeadms).map(flagItem))),
    section('Flags (edgeadm)', list(own.filter((flag) => !isKubeadms(flag)).map(flagItem))),
    section(
      'Global flags',
      list([...global.map(flagItem), { term: '  -h, --help', text: 'show this help' }]),
    ),
    visible.length > 0
      ? `${wrap(`Use "${name} [command] --help" for more about a command.`, width).join('\n')}\n`
      : '',
  ]
    .filter((text) => text !== '')
    .join('\n');
}

interface Item {
  term: string;
  text: string;
}

const isKubeadms = (flag: FlagSpec): boolean => flag.group === 'kubeadm';

function usage(spec: CommandSpec, name: string): string {
  const args = (spec.arguments ?? []).map((one) => ` ${one.name}`).join('');
  const lines = spec.run || !spec.commands ? [`  ${name}${args} [flags]\n`] : [];
  return [...lines, ...(spec.commands ? [`  ${name} [command]\n`] : [])].join('');
}

function flagItem(flag: FlagSpec): Item {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  const value = flag.value === 'bool' ? '' : ` ${flag.argName ?? flag.value}`;
  const standard = flag.description.includes('(default') ? '' : defaultText(flag.default);
  return { term: `  ${short}--${flag.name}${value}`, text: flag.description + standard };
}

function defaultText(value: FlagSpec['default']): string {
  if (value === undefined || value === false || value === '') return '';
  return ` (default ${Array.isArray(value) ? value.join(',') : String(value)})`;
}

function formatItem({ term, text }: Item, width: number, paint: Paint): string {
  const indent = ' '.repeat(TERM_WIDTH);
  const fits = term.length <= TERM_WIDTH - 2;
  const room = width - TERM_WIDTH;
  // On a narrow terminal a column of text beside the flags would be only a few words wide.
  if (room < 30)
    return `${paint('cyan', term)}\n${wrap(text, width - 10)
      .map((line) => `          ${line}\n`)
      .join('')}`;
  const [first = '', ...rest] = wrap(text, room);
  const head = fits
    ? `${paint('cyan', term)}${' '.repeat(TERM_WIDTH - term.length)}${first}\n`
    : `${paint('cyan', term)}\n${indent}${first}\n`;
  return head + rest.map((line) => `${indent}${line}\n`).join('');
}

/** Breaks at spaces; keeps line breaks, and lines that are indented as they are. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    if (line.length <= width || line.startsWith(' ')) return [line];
    const lines: string[] = [];
    let current = '';
    for (const word of line.split(' ')) {
      if (current !== '' && current.length + 1 + word.length > width) {
        lines.push(current);
        current = word;
      } else current = current === '' ? word : `${current} ${word}`;
    }
    return [...lines, current];
  });
}
