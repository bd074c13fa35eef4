import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import { initArguments, joinArguments } from './support/cluster.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
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

describe('reset gives a host back as it was', () => {
  let playground: TestPlayground;
  let before: Record<string, Snapshot>;
  let initialised: EdgeadmOutcome;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1 });
    before = {};
    const init = await initArguments(playground);
    for (const node of playground.nodes) {
      await leaveForeignThings(node);
      before[node.short] = await node.snapshot();
    }
    initialised = await playground.controlPlane.edgeadm(init);
  });
  afterAll(() => playground?.delete());

  test('after join', async () => {
    const edge = playground.node('edge-1');
    const joined = await edge.edgeadm(joinArguments(playground, initialised));
    expect(joined.result, joined.output.join('\n')).toMatchObject({ ok: true });
    await playground.kubectl(['wait', '--for=condition=Ready', `node/${edge.name}`, '--timeout=120s']);
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

  test('after init', async () => {
    const reset = await playground.controlPlane.edgeadm(['reset', '--force']);
    expect(reset.result, reset.output.join('\n')).toMatchObject({ ok: true });
    expect(diffSnapshots(before['control-plane-1']!, await playground.controlPlane.snapshot())).toEqual([]);
  });

  test('a second reset finds nothing to do', async () => {
    const reset = await playground.controlPlane.edgeadm(['reset', '--force']);
    expect(reset.result).toMatchObject({ ok: true });
    expect(diffSnapshots(before['control-plane-1']!, await playground.controlPlane.snapshot())).toEqual([]);
  });

  test('init works again after a reset', async () => {
    const again = await playground.controlPlane.edgeadm([
      ...(await initArguments(playground)),
      '--enable-edge=false',
    ]);
    expect(again.result, again.output.join('\n')).toMatchObject({ ok: true });
    await playground.kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=120s']);
  });
});
