import { expect, test } from 'vitest';
import { parse } from '../../../src/commands/program.ts';
import { commands, program } from '../../../src/commands/root.ts';
import { flagsOf, route } from '../../../src/commands/route.ts';
import type { CommandSpec } from '../../../src/commands/spec.ts';
import { pages } from './pages.ts';

/** Command lines that a page shows: lines of code blocks that begin with the program, and inline code that does. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].flatMap(([, block]) =>
    block!.replace(/\\\n\s*/g, '').split('\n'),
  );
  const inline = [...text.replace(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  return [...blocks, ...inline].flatMap((line) => {
    const command = /^(?:sudo )?(?:\S*\/)?edgeadm (?!→)(.+)$/.exec(
      line.replace(/^source <\((.*)\)$/, '$1'),
    )?.[1];
    return command === undefined ? [] : [command];
  });
}

/** Words of a command line; what only stands for something (`…`, `[…]`) and what the shell takes is left out. */
function words(line: string): string[] {
  const own = line.replace(/ +(#|[|>;&]).*$/, '').replace(/[[\]]/g, '');
  return own.split(/ +/).filter((word) => !['', '…', '|'].includes(word));
}

async function check(line: string): Promise<void> {
  const argv = words(line).filter((word, at, all) => !(all[at - 1] === 'phase' && /^[A-Z]+$/.test(word)));
  const way = await route(argv, program, commands);
  const spec = way.path.at(-1)!;
  parse(way, spec === program ? commands : (spec.commands ?? []));
}

test.each([...pages])('the command lines of %s are understood', async (_path, text) => {
  const refused: string[] = [];
  for (const line of commandLines(text)) {
    await check(line).catch((error: Error) => refused.push(`${line}: ${error.message}`));
  }
  expect(refused).toEqual([]);
});

test('a command line that is not understood would be noticed', async () => {
  const text = 'Type `edgeadm init --foo`, or:\n\n```sh\nbin/edgeadm playgrund create # now\n```\n';
  const lines = commandLines(text);
  expect(lines).toHaveLength(2);
  for (const line of lines) await expect(check(line)).rejects.toMatchObject({ code: 'E_USAGE' });
});

function all(spec: CommandSpec): CommandSpec[] {
  return [spec, ...(spec.commands ?? []).flatMap(all)];
}

test("each of edgeadm's own flags is documented", async () => {
  const specs = await Promise.all(commands.filter(({ hidden }) => !hidden).map((command) => command.load()));
  const flags = specs
    .flatMap(all)
    .flatMap(flagsOf)
    .filter(({ group, hidden }) => group === 'edgeadm' && !hidden);
  const names = [...new Set(flags.map(({ name }) => name))];
  expect(names).toContain('install-pkg-path');
  const text = [...pages.values()].join('\n');
  const lacking = names.filter((name) => !new RegExp(`--${name}(?![\\w-])`).test(text));
  expect(lacking).toEqual([]);
});

test('defaults in docs/configuration.md are those of the flags', async () => {
  const spec = await commands.find(({ name }) => name === 'init')!.load();
  const text = pages.get('docs/configuration.md')!;
  for (const flag of flagsOf(spec).filter(({ group, target }) => group === 'edgeadm' && target)) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`--${flag.name}\` |`));
    expect(row, flag.name).toBeDefined();
    expect(row).toContain(flag.target!.path);
    const [, , , value] = row!.split('|').map((cell) => cell.trim());
    expect(value, flag.name).toBe(flag.default === undefined ? '' : `\`${flag.default}\``);
  }
});
