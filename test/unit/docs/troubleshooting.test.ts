import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { initChecks, joinChecks } from '../../../phases/checks/index.ts';
import { errorCodes } from '../../../src/errors.ts';
import { headings, pages, root, tableBelow } from './pages.ts';

const manual = pages.get('docs/troubleshooting.md')!;

test('every error code has a section, and every section of a code a code', () => {
  const sections = headings(manual).filter(({ text }) => text.startsWith('E_'));
  expect(sections.map(({ text }) => text).sort()).toEqual(Object.keys(errorCodes).sort());
});

test('a section of a code is about that code, with an example', () => {
  for (const section of manual.split(/^## /m)) {
    const code = /^E_\w+/.exec(section)?.[0];
    if (!code || ['E_INTERNAL', 'E_PLAYGROUND_HOST'].includes(code)) continue;
    expect(section, code).toMatch(/^```\nerror: /m);
  }
});

/** Names that findings have, from the sources of the checks: those with a number or a program in them as `Port-…`. */
function namesInSources(): string[] {
  const folder = join(root, 'phases/checks');
  const text = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const found = [
    ...[...text.matchAll(/`([A-Z]\w+-)\$\{/g)].map(([, prefix]) => `${prefix}…`),
    // The last argument of error() and warning(), and the table from reasons of discovery to names.
    ...[...text.matchAll(/\bfix, '([A-Z]\w+)'\)/g)].map(([, name]) => name!),
    ...[...text.matchAll(/^ {2}(?: +|'?[a-z-]+'?: )'([A-Z]\w+)',$/gm)].map(([, name]) => name!),
  ];
  const aliases = new Set(joinChecks.flatMap(({ aliases: names = [] }) => names));
  return found.filter((name) => !aliases.has(name));
}

test('every preflight check and finding has a row, and every row a check', () => {
  const rows = tableBelow(manual, 'Preflight checks').map(([name]) => name!.replaceAll('`', ''));
  const groups = ['Port', 'FileExisting'];
  const names = [...initChecks, ...joinChecks].map(({ name }) => name).concat(namesInSources());
  const wanted = new Set(names.filter((name) => !groups.includes(name)));
  expect(rows.filter((name) => name !== '---').sort()).toEqual([...wanted].sort());
});

test('other names of checks are told', () => {
  for (const { name, aliases = [] } of joinChecks) {
    const row = manual.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    for (const alias of aliases) expect(row, name).toContain(`\`${alias}\``);
  }
});
