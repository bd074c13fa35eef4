import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import { initArguments, joinArguments, waitForReady } from './support/cluster.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

/** Every how many journal entries edgeadm is killed; 1 by `npm run test:kill`. */
const stride = Number(process.env.EDGEADM_KILL_STRIDE ?? 7);
const state = '/var/tmp/kill-state';

/** Runs the same command until it gets through, and says where it was killed on the way. */
async function runUntilDone(
  node: TestNode,
  args: string[],
): Promise<{ outcome: EdgeadmOutcome; killed: string[] }> {
  const preload = '/root/kill-at-journal.js';
  await node.write(preload, await readFile(join(import.meta.dirname, 'support/kill-at-journal.js'), 'utf8'));
  await node.sh(`rm -f ${state} ${state}.*`);
  for (;;) {
    const outcome = await node.edgeadm(args, {
      env: { NODE_OPTIONS: `--import=${preload}`, KILL_STATE: state, KILL_STRIDE: String(stride) },
    });
    const killed = (await node.sh(`cat ${state}.killed 2>/dev/null || true`)).stdout
      .split('\n')
      .filter(Boolean);
    // 137 is SIGKILL; anything else is an end of its own, good or bad.
    if (outcome.exitCode !== 137) return { outcome, killed };
    expect(killed.length, 'killed without having noted where').toBeGreaterThan(0);
  }
}

describe(`kill -9 at every ${stride === 1 ? '' : `${stride}th `}journal entry, then the same command again`, () => {
  let playground: TestPlayground;
  let initialised: EdgeadmOutcome;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1 });
  });
  afterAll(() => playground?.delete());

  test('init comes up, and nothing is done twice', async () => {
    const node = playground.controlPlane;
    const { outcome, killed } = await runUntilDone(node, await initArguments(playground));
    expect(outcome.result, outcome.output.join('\n')).toMatchObject({ ok: true });
    console.log(`init was killed ${killed.length} times: ${killed.join(' ')}`);
    expect(killed.length).toBeGreaterThan(stride === 1 ? 30 : 5);
    initialised = outcome;
    await waitForReady(playground, 1);
    const done = await node.sh(`grep -c '"op":"done".*"work:kubeadm-init"' /var/lib/edgeadm/journal.jsonl`);
    expect(done.stdout.trim()).toBe('1');
  }, 1_800_000);

  test('join comes up', async () => {
    const node = playground.node('edge-1');
    const { outcome, killed } = await runUntilDone(node, joinArguments(playground, initialised));
    expect(outcome.result, outcome.output.join('\n')).toMatchObject({ ok: true });
    console.log(`join was killed ${killed.length} times: ${killed.join(' ')}`);
    expect(killed.length).toBeGreaterThan(stride === 1 ? 25 : 4);
    await waitForReady(playground, 2);
  }, 1_800_000);

  test('and reset, killed as often, gets through', async () => {
    const node = playground.node('edge-1');
    await node.sh(`rm -f ${state} ${state}.*`);
    const { outcome } = await runUntilDone(node, ['reset', '--force']);
    expect(outcome.result, outcome.output.join('\n')).toMatchObject({ ok: true });
    const left = await node.sh(
      'ls -d /var/lib/edgeadm /etc/kubernetes /var/lib/kubelet /usr/local/bin/kubelet 2>/dev/null || true',
    );
    expect(left.stdout).toBe('');
  }, 1_800_000);
});
