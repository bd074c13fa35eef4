import { expect, test } from 'vitest';
import { initPhases } from '../../../phases/init/index.ts';
import { joinPhases } from '../../../phases/join/index.ts';
import { resetPhases } from '../../../phases/reset/index.ts';
import { pages, tableBelow } from './pages.ts';

const page = pages.get('docs/phases.md')!;

/** First cells of a table: a row may name several phases. */
const documented = (heading: string): string[] =>
  tableBelow(page, heading).flatMap(([cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));

test.each([
  ['init', initPhases],
  ['reset', resetPhases],
] as const)('the phases of %s are those of the table', (heading, phases) => {
  expect(documented(heading).sort()).toEqual(phases.map(({ name }) => name).sort());
});

test('the phases of join that are no kubeadm phases are told', () => {
  const section = page.slice(page.indexOf('\n## join\n'), page.indexOf('\n## reset\n'));
  for (const name of [
    'preflight',
    'package',
    'node-init',
    'container-runtime',
    'kubeadm',
    'kube-vip',
    'lite-apiserver',
    'edge-kubelet',
    'label-node',
    'offline-verdict',
  ]) {
    expect(joinPhases.map((phase) => phase.name)).toContain(name);
    expect(section).toContain(`\`${name}\``);
  }
});
