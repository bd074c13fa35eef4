import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machineAddress } from '../../src/playground/subnet.ts';
import { accessProof } from './offline/access.ts';
import { waitForReady } from './support/cluster.ts';
import { liteStatus, liteUnit, restarts, whenOnline } from './support/lite.ts';
import { type Look, look } from './support/look.ts';
import {
  common,
  namespace,
  tenPods,
  tenPodsQuestions,
  tenPodsRollouts,
} from './support/offline-workloads.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { TestLink } from './support/slow-link.ts';
import { loadTestServer } from './support/test-server.ts';

/** How long a link flaps, and how long it is up or down at a time, at most and at least. */
const flapSeconds = Number(process.env.EDGEADM_TEST_FLAP_SECONDS ?? 40);
const flapsMs = flapSeconds >= 120 ? { least: 2000, most: 10_000 } : { least: 500, most: 4000 };
/** 200 kbit/s, 600 ms there and back. */
const slow = { bytesPerSecond: 25_000, delayMs: 300 };

describe('an edge node with a bad link', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let link: TestLink;

  /** Pods of the test that run on the node, and when their processes started. */
  const running = async (): Promise<Record<string, number>> => {
    const { pods, faults }: Look = await look(edge, {
      pods: {},
      questions: tenPodsQuestions(),
      timeoutMs: 60_000,
    });
    expect(faults).toEqual([]);
    return Object.fromEntries(Object.entries(pods).map(([name, { started }]) => [name, started]));
  };
  /** What the cloud changes reaches the kubelet: it replaces a Pod. Returns seconds. */
  const changeArrives = async (): Promise<number> => {
    const start = performance.now();
    await playground.kubectl(['rollout', 'restart', '-n', namespace, 'deploy/client']);
    await playground.kubectl(['rollout', 'status', '-n', namespace, 'deploy/client', '--timeout=120s'], {
      timeoutMs: 130_000,
    });
    return Math.round((performance.now() - start) / 1000);
  };

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, bare: false });
    edge = playground.node('edge-1');
    await loadTestServer(playground);
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [...common, ...tenPods(edge.hostname)],
      }),
    });
    for (const workload of tenPodsRollouts)
      await playground.kubectl(['rollout', 'status', '-n', namespace, workload, '--timeout=120s']);
    const { address } = playground.controlPlane;
    const machine = machineAddress(playground.subnet);
    link = await TestLink.open({ host: address, port: 6443 }, machine);
    await edge.run(['nft', '-f', '-'], {
      input: `table ip test_link {
  chain output {
    type nat hook output priority -100;
    ip daddr ${address} tcp dport 6443 dnat to ${machine}:${link.port}
  }
}\n`,
    });
    await edge.run(['systemctl', 'restart', liteUnit]);
    await whenOnline(edge, true);
    expect(link.connections).toBeGreaterThan(0);
  });
  afterAll(async () => {
    await link?.close();
    await playground?.delete();
  });

  test(`goes on while its link flaps for ${flapSeconds} s`, async () => {
    const before = await running();
    const { transitions } = await liteStatus(edge);
    const start = { ...link, connections: link.connections, bytes: link.bytes };
    const end = Date.now() + flapSeconds * 1000;
    let times = 0;
    while (Date.now() < end) {
      link.set({ down: times % 2 === 0 });
      times += 1;
      await setTimeout(flapsMs.least + Math.random() * (flapsMs.most - flapsMs.least));
    }
    link.set({});
    const after = await whenOnline(edge, true);
    expect(after.transitions).toBeGreaterThan(transitions);
    const connections = link.connections - start.connections;
    console.info(
      `link flapped ${times} times: ${connections} connections, ${Math.round((link.bytes - start.bytes) / 1000)} kB, change seen after ${await changeArrives()} s`,
    );
    // A connection per watch and time, with some attempts while it is down: no storm.
    expect(connections / times).toBeLessThan(100);
    expect(await restarts(edge)).toBe(0);
    const now = await running();
    for (const [name, started] of Object.entries(before))
      if (!name.startsWith('client-')) expect(now[name], name).toBe(started);
  });

  test('notices a link that takes everything and gives nothing', async () => {
    const before = await running();
    const start = Date.now();
    link.set({ deaf: true });
    const { since, reason } = await whenOnline(edge, false);
    expect(reason).not.toBe('');
    expect(Date.parse(since) - start).toBeLessThan(5000);
    expect(await running()).toEqual(before);
    link.set({});
    await whenOnline(edge, true);
    await changeArrives();
    expect(await restarts(edge)).toBe(0);
  });

  test('lives with 200 kbit/s and 600 ms, also from its start', async () => {
    link.set(slow);
    const { transitions } = await liteStatus(edge);
    const seconds = await changeArrives();
    await setTimeout(10_000);
    const after = await liteStatus(edge);
    expect(after).toMatchObject({ online: true, transitions });
    await edge.run(['systemctl', 'restart', liteUnit]);
    await whenOnline(edge, true);
    const again = await changeArrives();
    expect((await liteStatus(edge)).online).toBe(true);
    console.info(
      `200 kbit/s, 600 ms: change seen after ${seconds} s, after a restart of the proxy ${again} s`,
    );
    link.set({});
    await waitForReady(playground, playground.nodes.length);
    await running();
  });

  accessProof(() => ({ playground, edge }));
});
