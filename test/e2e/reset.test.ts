import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Workload } from '../../src/edge/lite-apiserver/pods/workload.ts';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import {
  initArguments,
  joinArguments,
  runningContainers,
  shellImage,
  waitForReady,
} from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { liteSocket, liteStatus, restarts, whenOnline } from './support/lite.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { pageBlocks } from './support/readme.ts';
import { diffSnapshots, type Snapshot } from './support/snapshot.ts';

/** What somebody else has on a host, which edgeadm must leave alone. */
async function leaveForeignThings(node: TestNode): Promise<void> {
  await node.write(
    '/etc/cni/net.d/99-foreign.conflist',
    '{"cniVersion":"1.0.0","name":"foreign","plugins":[]}\n',
    0o600,
  );
  await node.write(
    '/etc/systemd/system/foreign.service',
    '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n',
  );
  await node.write('/etc/sysctl.d/50-foreign.conf', 'net.ipv4.tcp_keepalive_time = 600\n');
  await node.write('/opt/cni/bin/foreign', '#!/bin/sh\n', 0o755);
  await node.sh(`
    systemctl daemon-reload
    systemctl enable --now foreign.service
    iptables -N FOREIGN
    iptables -A FOREIGN -s 198.51.100.0/24 -j DROP
    iptables -A INPUT -j FOREIGN
    iptables -t nat -A POSTROUTING -s 198.51.100.8 -j MASQUERADE
    nft add table inet foreign
    nft add chain inet foreign input '{ type filter hook input priority 10; policy accept; }'
    nft add rule inet foreign input ip saddr 203.0.113.0/24 drop
    ip link add foreign0 type bridge
  `);
}

/** Where docs/edge.md puts a backup; a user keeps it on another machine, so that reset never sees it. */
const backup = { ignore: [/^\/root\/backup(\/|$)/] };

describe('reset gives a host back as it was', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let before: Record<string, Snapshot>;
  let initialised: EdgeadmOutcome;
  /** Containers of the edge node at the time of the backup. */
  let running: string[];

  /** Names of what the node-local API proxy has in its cache. */
  const workload = async (): Promise<{ pods: string[]; services: string[] }> => {
    const { stdout } = await edge.run(['curl', '-sS', '--unix-socket', liteSocket, 'http://x/edge/workload']);
    const { pods, services } = JSON.parse(stdout) as Workload;
    const names = (things: readonly { name: string }[] | null) => (things ?? []).map(({ name }) => name);
    return { pods: names(pods), services: names(services) };
  };
  const make = async (...objects: object[]): Promise<void> => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    await playground.kubectl(['apply', '-f', '-'], { input });
  };
  const ready = (pod: string) =>
    playground.kubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']);
  const service = (name: string) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  });
  const pod = async (name: string) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
    spec: {
      nodeName: edge.hostname,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...{ name: 'main', imagePullPolicy: 'Never', command: ['busybox', 'sleep', '36000'] },
          image: await shellImage(playground.kubectl),
        },
      ],
    },
  });
  /** Does on the control plane what docs/edge.md says below a heading, with the names of this playground. */
  const asDocumented = async (heading: string): Promise<void> => {
    const { controlPlane, packagePath } = playground;
    const blocks = await pageBlocks('docs/edge.md', `### ${heading}`);
    expect(blocks).toHaveLength(1);
    const script = blocks[0]!
      .join('\n')
      .replaceAll('control-plane-1', controlPlane.hostname)
      .replaceAll('10.0.0.10', controlPlane.address)
      .replaceAll(/edgeadm-v\S+\.tar\.zst/g, packagePath)
      .replaceAll('cluster.yaml', '/root/cluster.yaml');
    await controlPlane.sh(script, { timeoutMs: 300_000 });
  };

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1 });
    edge = playground.node('edge-1');
    before = {};
    const init = await initArguments(playground);
    for (const node of playground.nodes) {
      await leaveForeignThings(node);
      before[node.short] = await node.snapshot();
    }
    initialised = await playground.controlPlane.edgeadm(init);
  });
  afterAll(() => playground?.delete());

  test('after init, with an edge node and a backup of etcd', async () => {
    const joined = await edge.edgeadm(joinArguments(playground, initialised));
    expect(joined.result, joined.output.join('\n')).toMatchObject({ ok: true });
    await waitForReady(playground, 2);
    await make(await pod('web'), service('web'), service('removed'));
    await ready('web');
    await asDocumented('Backup');
    running = await runningContainers(edge);
    await make(await pod('younger'), service('younger'));
    await playground.kubectl(['delete', 'service', 'removed']);
    await ready('younger');
    const reset = await playground.controlPlane.edgeadm(['reset', '--force']);
    expect(reset.result, reset.output.join('\n')).toMatchObject({ ok: true });
    const after = await playground.controlPlane.snapshot();
    expect(diffSnapshots(before['control-plane-1']!, after, backup)).toEqual([]);
  });

  test('a second reset finds nothing to do', async () => {
    const reset = await playground.controlPlane.edgeadm(['reset', '--force']);
    expect(reset.result).toMatchObject({ ok: true });
    const after = await playground.controlPlane.snapshot();
    expect(diffSnapshots(before['control-plane-1']!, after, backup)).toEqual([]);
  });

  test('init works again after a reset, from the backup, and the edge node goes on with it', async () => {
    expect((await liteStatus(edge)).online).toBe(false);
    expect(await runningContainers(edge)).toEqual(expect.arrayContaining(running));
    const start = Date.now();
    await asDocumented('Restore');
    const { since } = await whenOnline(edge, true);
    await waitForReady(playground, 2);
    // A change arrives, and one that ends it.
    await make(await pod('later'));
    await ready('later');
    await playground.kubectl(['delete', 'pod', 'later']);
    // What is younger than the backup has never been, and nothing else was started again.
    await poll(
      'the containers of the time of the backup',
      async () => isDeepStrictEqual(await runningContainers(edge), running) || undefined,
      { timeoutMs: 60_000 },
    );
    const known = await poll(
      'the cache to follow',
      async () => {
        const now = await workload();
        return now.services.includes('removed') && !now.services.includes('younger') ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(known.services).toContain('web');
    expect(known.pods).toContain('web');
    expect(known.pods).not.toContain('younger');
    expect(await restarts(edge)).toBe(0);
    const seconds = (from: number) => Math.round((Date.now() - from) / 1000);
    console.info(
      `restored from a backup of etcd in ${seconds(start)} s, ${seconds(Date.parse(since))} s of them online`,
    );
  });

  test('after join', async () => {
    await edge.write(
      '/etc/cni/net.d/98-later.conflist',
      '{"cniVersion":"1.0.0","name":"later","plugins":[]}\n',
    );
    await edge.sh('iptables -t nat -A POSTROUTING -s 198.51.100.7 -j MASQUERADE');
    const reset = await edge.edgeadm(['reset', '--force']);
    expect(reset.result, reset.output.join('\n')).toMatchObject({ ok: true });
    await edge.sh(
      'rm /etc/cni/net.d/98-later.conflist; iptables -t nat -D POSTROUTING -s 198.51.100.7 -j MASQUERADE',
    );
    expect(diffSnapshots(before['edge-1']!, await edge.snapshot())).toEqual([]);
  });
});
