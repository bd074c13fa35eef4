import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheProofs } from './offline/cache.ts';
import { waitForReady } from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { askPod, type Look, look } from './support/look.ts';
import {
  common,
  namespace,
  pair,
  tenPods,
  tenPodsQuestions,
  tenPodsRollouts,
} from './support/offline-workloads.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { loadTestServer } from './support/test-server.ts';

/** How long the site of two is cut off from the cloud; the other node is rebooted meanwhile. */
const cutSeconds = Number(process.env.EDGEADM_TEST_CUT_SECONDS ?? 300);
const powerCuts = Number(process.env.EDGEADM_TEST_POWER_CUTS ?? 5);

interface Pod {
  metadata: { name: string; uid: string };
  spec: { nodeName: string };
  status: { podIP: string; containerStatuses: { restartCount: number; ready: boolean }[] };
}
type Traffic = Record<string, { sent: number; failed: number; errors: string[] }>;
type BothTraffic = { left: Traffic; right: Traffic };

const total = (traffic: BothTraffic, what: 'sent' | 'failed'): number =>
  Object.values(traffic)
    .flatMap((urls: Traffic) => Object.values(urls))
    .reduce((sum, counts) => sum + counts[what], 0);

/** A line of the test's output, for whoever looks at figures. */
const say = (line: string): void => console.info(line);

describe('sites without the cloud', () => {
  let playground: TestPlayground;
  /** Of the site that has traffic between its nodes, … */
  let left: TestNode;
  let right: TestNode;
  /** … and the node that is a site of its own. */
  let alone: TestNode;
  let before: Pod[];
  let cut: number;
  let trafficBefore: BothTraffic;
  /** By node: when each Pod's process started. */
  const startedBefore: Record<string, Record<string, number>> = {};

  const readPods = async (): Promise<Pod[]> =>
    (await playground.kubectlJson<{ items: Pod[] }>(['get', 'pods', '-n', namespace])).items;
  const addressesOn = (node: TestNode): Record<string, string> =>
    Object.fromEntries(
      before
        .filter(({ spec }) => spec.nodeName === node.hostname)
        .map(({ metadata, status }) => [
          metadata.name,
          metadata.name.startsWith('host-') ? '' : status.podIP,
        ]),
    );
  const facts = (pods: readonly Pod[], node: TestNode) =>
    Object.fromEntries(
      pods
        .filter(({ spec }) => spec.nodeName === node.hostname)
        .map(({ metadata, status }) => [metadata.name, { uid: metadata.uid, address: status.podIP }]),
    );
  const traffic = async (node: TestNode, deployment: string): Promise<Traffic> => {
    const pod = before.find(({ metadata }) => metadata.name.startsWith(`${deployment}-`))!;
    return askPod<Traffic>(node, pod.status.podIP, '/traffic');
  };
  const allTraffic = async (): Promise<BothTraffic> => ({
    left: await traffic(left, 'left'),
    right: await traffic(right, 'right'),
  });

  const starts = (pods: Look['pods']) =>
    Object.fromEntries(Object.entries(pods).map(([name, { started }]) => [name, started]));

  /** The ten Pods run at their addresses, and all that they are asked is right. */
  const tenAreRight = async (when: string): Promise<Look> => {
    const seen = await look(alone, {
      pods: addressesOn(alone),
      questions: tenPodsQuestions(),
      timeoutMs: 120_000,
    });
    expect(seen.faults, when).toEqual([]);
    return seen;
  };

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 3, sites: 2, bare: false });
    [left, alone, right] = ['edge-1', 'edge-2', 'edge-3'].map(playground.node) as [
      TestNode,
      TestNode,
      TestNode,
    ];
    expect([left.site, right.site]).not.toContain(alone.site);
    await loadTestServer(playground);
    const items = [...common, ...tenPods(alone.hostname), ...pair([left.hostname, right.hostname])];
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
    for (const workload of [...tenPodsRollouts, 'deploy/left', 'deploy/right'])
      await playground.kubectl(['rollout', 'status', '-n', namespace, workload, '--timeout=120s']);
    before = await readPods();
    expect(Object.keys(addressesOn(alone))).toHaveLength(10);
    await tenAreRight('online');
    trafficBefore = await poll(
      'requests within the site',
      async () => {
        const now = await allTraffic();
        await setTimeout(1000);
        return total(now, 'failed') === total(await allTraffic(), 'failed') ? now : undefined;
      },
      { timeoutMs: 30_000 },
    );
    for (const node of [left, right]) {
      const { pods } = await look(node, { pods: addressesOn(node), questions: [], timeoutMs: 0 });
      startedBefore[node.short] = starts(pods);
    }
    for (const node of [left, right, alone]) await node.disconnect();
    cut = Date.now();
  });
  afterAll(() => playground?.delete());

  test('all ten Pods are back after a reboot, at their addresses, with Services and DNS', async () => {
    await alone.reboot();
    const { lastPod, allRight } = await tenAreRight('after the reboot');
    say(`reboot offline: the last of 10 pods after ${lastPod} s, all of it right after ${allRight} s`);
  });

  test(`they are after each of ${powerCuts} power cuts`, async () => {
    for (let n = 1; n <= powerCuts; n++) {
      await alone.reboot({ powerCut: true });
      const { lastPod, allRight } = await tenAreRight(`after power cut ${n}`);
      say(
        `power cut ${n} offline: the last of 10 pods after ${lastPod} s, all of it right after ${allRight} s`,
      );
    }
  });

  let running: Record<string, number> = {};
  cacheProofs(() => ({
    playground,
    node: alone,
    namespace,
    async podsGoOn(remember = false) {
      const { pods } = await tenAreRight('with a damaged cache');
      if (remember) running = starts(pods);
      else expect(starts(pods)).toEqual(running);
    },
  }));

  test(`a site that is cut off for ${cutSeconds} s loses no request and restarts no Pod`, async () => {
    await poll('the time without the cloud', async () => Date.now() > cut + cutSeconds * 1000 || undefined, {
      timeoutMs: (cutSeconds + 10) * 1000,
      everyMs: 1000,
    });
    const end = await allTraffic();
    for (const [side, urls] of Object.entries(end)) {
      for (const [url, { sent, failed, errors }] of Object.entries(urls)) {
        // Also none while the link went.
        const start = trafficBefore[side as 'left'][url]!;
        expect(failed - start.failed, `${side}: ${url}: ${errors.join('\n')}`).toBe(0);
        // At ten a second.
        expect(sent - start.sent).toBeGreaterThan(cutSeconds);
      }
    }
    for (const node of [left, right]) {
      const { pods } = await look(node, { pods: addressesOn(node), questions: [], timeoutMs: 0 });
      expect(starts(pods)).toEqual(startedBefore[node.short]);
    }
    say(
      `cut off for ${Math.round((Date.now() - cut) / 1000)} s: ${total(end, 'sent') - total(trafficBefore, 'sent')} requests, none lost`,
    );
  });

  test('its two nodes work together after both were rebooted without the cloud', async () => {
    await Promise.all([left.reboot({ powerCut: true }), right.reboot()]);
    const [atLeft, atRight] = [addressesOn(left), addressesOn(right)];
    const names = Object.keys({ ...atLeft, ...atRight }).filter((name) => /^(left|right)-/.test(name));
    expect(names).toHaveLength(2);
    const host = (service: string) => `http://${service}.${namespace}.svc.cluster.local`;
    const wanted = (own: string, other: string) => {
      const otherAddress = before.find(({ metadata }) => metadata.name.startsWith(other))!.status.podIP;
      const name = names.find((each) => each.startsWith(other))!;
      return [
        { from: own, path: `/ask?times=4&url=http://${otherAddress}:8080/`, answers: [name] },
        { from: own, path: `/ask?times=8&url=${host(other.slice(0, -1))}/`, answers: [name] },
        { from: own, path: `/ask?times=24&url=${host('both')}/`, answers: names },
        { from: own, path: `/ask?times=24&url=${host('both-pods')}:8080/`, answers: names },
      ];
    };
    const [one, two] = await Promise.all([
      look(left, { pods: atLeft, questions: wanted('left-', 'right-'), timeoutMs: 120_000 }),
      look(right, { pods: atRight, questions: wanted('right-', 'left-'), timeoutMs: 120_000 }),
    ]);
    expect([one.faults, two.faults]).toEqual([[], []]);
    say(`two nodes offline: all right after ${one.allRight} s and ${two.allRight} s`);
  });

  test('nothing was replaced when the cloud is back', async () => {
    await Promise.all([left, alone, right].map((node) => node.connect()));
    await waitForReady(playground, 4);
    const after = await poll(
      'the cloud to have all Pods ready',
      async () => {
        const now = await readPods();
        return now.every(({ status }) => status.containerStatuses.every(({ ready }) => ready))
          ? now
          : undefined;
      },
      { timeoutMs: 90_000 },
    );
    for (const node of [left, alone, right]) expect(facts(after, node)).toEqual(facts(before, node));
    await tenAreRight('with the cloud back');
  });
});
