import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderDocuments } from '../../src/config/documents.ts';
import { setField } from '../../src/config/fields.ts';
import type { Owner } from '../../src/host/lock.ts';
import { type JoinFacts, joinConfig } from '../../src/playground/cluster-config.ts';
import { badHosts, check, preflight } from './support/bad-hosts.ts';
import { craftPackage, sendPackage } from './support/bad-packages.ts';
import { initArguments, joinFacts, waitForReady } from './support/cluster.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { type Attempt, clockAt, refused } from './support/refused.ts';
import { diffSnapshots, type Snapshot } from './support/snapshot.ts';

describe('a host that cannot become a node is refused, and left as it is', () => {
  let playground: TestPlayground;
  let controlPlane: TestNode;
  let edge: TestNode;
  let init: string[];
  /** Before anything. */
  let before: Record<string, Snapshot>;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1 });
    controlPlane = playground.controlPlane;
    edge = playground.node('edge-1');
    init = await initArguments(playground);
    const snapshots = playground.nodes.map(async (node) => [node.short, await node.snapshot()] as const);
    before = Object.fromEntries(await Promise.all(snapshots));
  });
  afterAll(() => playground?.delete());

  const refusedInit = (attempt: Attempt) => refused(controlPlane, before['control-plane-1']!, attempt);
  const refusedJoin = (attempt: Attempt) => refused(edge, before['edge-1']!, attempt);

  /** Arguments of join with a JoinConfiguration of these facts, which is not where snapshots look. */
  async function join(facts: JoinFacts, change: { timeout?: string; name?: string } = {}): Promise<string[]> {
    const documents = joinConfig([], facts, { controlPlane: false, address: edge.address });
    setField(documents[0]!, 'timeouts.discovery', change.timeout ?? '2s');
    if (change.name) setField(documents[0]!, 'nodeRegistration.name', change.name);
    const file = '/var/cache/join.yaml';
    await edge.write(file, renderDocuments(documents), 0o600);
    return ['join', '--config', file, '--install-pkg-path', playground.packagePath];
  }

  /** A cluster that is nowhere. */
  const nowhere = (): JoinFacts => ({
    endpoint: `${playground.subnet.replace(/\d+\/\d+$/, '253')}:6443`,
    token: 'abcdef.0123456789abcdef',
    caCertHash: `sha256:${'0'.repeat(64)}`,
  });

  describe('init with', () => {
    test.for(badHosts)('$what', async (each) => {
      check(await refusedInit({ ...each, args: [...init, ...(each.args ?? [])] }), each);
    });

    test.for([
      {
        what: 'a version that edgeadm does not install',
        flags: () => ['--kubernetes-version', 'v1.30.0'],
        exitCode: 3,
        code: 'E_CONFIG_INVALID',
        says: ['--kubernetes-version: "v1.30.0"', '1.34, 1.35, 1.36'],
      },
      {
        what: 'a version that the package has not',
        flags: () => ['--kubernetes-version', 'v1.35.0'],
        exitCode: 1,
        code: 'E_PACKAGE_MISMATCH',
        says: [/holds Kubernetes v1\.36\.\d+, not v1\.35\.0/, '--install-pkg-path'],
      },
      {
        what: "pods in the node's own network",
        flags: () => ['--pod-network-cidr', playground.subnet],
        exitCode: 3,
        code: 'E_CONFIG_INVALID',
        says: [/--pod-network-cidr: \S+ overlaps this node's own network/, 'Choose'],
      },
    ])('$what', async ({ flags, ...each }) => {
      const args = [
        'init',
        '--install-pkg-path',
        playground.packagePath,
        '--apiserver-advertise-address',
        controlPlane.address,
        ...flags(),
      ];
      check(await refusedInit({ args }), each);
    });
  });

  test('a second edgeadm: with the pid and the start of the first', async () => {
    const args = await join(nowhere(), { timeout: '60s' });
    const stop = new AbortController();
    const first = edge.edgeadm(args, { signal: stop.signal }).catch(() => undefined);
    const { stdout } = await edge.sh(
      'until [ -s /run/edgeadm.lock ]; do sleep 0.05; done; cat /run/edgeadm.lock',
    );
    const { pid, since } = JSON.parse(stdout) as Owner;
    const second = await edge.edgeadm(args);
    stop.abort();
    await first;
    await edge.sh('while [ -e /run/edgeadm.lock ]; do sleep 0.05; done');
    expect(second).toMatchObject({
      exitCode: 1,
      result: {
        error: {
          code: 'E_HOST_BUSY',
          message: expect.stringContaining(`pid ${pid}, since ${since} (edgeadm join`),
          hint: expect.stringContaining(`ps -fp ${pid}`),
        },
      },
    });
    expect(diffSnapshots(before['edge-1']!, await edge.snapshot())).toEqual([]);
  });

  describe('join', () => {
    let facts: JoinFacts;

    beforeAll(async () => {
      facts = joinFacts(await controlPlane.edgeadm(init));
      await waitForReady(playground, 1);
    });

    /** A token that was valid for a moment. */
    async function expiredToken(): Promise<string> {
      const token = 'expire.0123456789abcdef';
      await controlPlane.run(['edgeadm', 'token', 'create', token, '--ttl', '1s']);
      await playground.kubectl(
        ['-n', 'kube-system', 'wait', '--for=delete', 'secret/bootstrap-token-expire', '--timeout=60s'],
        { timeoutMs: 90_000 },
      );
      return token;
    }

    test('of an endpoint that nobody has, in the time that was given', async () => {
      const started = Date.now();
      const refusal = await refusedJoin({ args: await join(nowhere(), { timeout: '3s' }) });
      const { endpoint } = nowhere();
      check(refusal, {
        ...preflight,
        says: ['APIServerReachable', endpoint, 'tried for 3 s', /address|route/],
      });
      // Without the deadline it would be kubeadm's five minutes.
      expect(Date.now() - started).toBeLessThan(120_000);
    });

    test('with a token that never was', async () => {
      const args = await join({ ...facts, token: 'nobody.0123456789abcdef' });
      const says = ['DiscoveryToken', 'token with id nobody', 'edgeadm token create --print-join-command'];
      const refusal = await refusedJoin({ args });
      check(refusal, { ...preflight, says });
      expect(refusal.text).not.toContain('0123456789abcdef');
    });

    test('with a token that expired', async () => {
      const args = await join({ ...facts, token: await expiredToken() });
      const says = ['DiscoveryToken', 'token with id expire', 'expired', 'edgeadm token create'];
      check(await refusedJoin({ args }), { ...preflight, says });
    });

    test('with the hash of another authority', async () => {
      const caCertHash = `sha256:${'0'.repeat(64)}`;
      const args = await join({ ...facts, caCertHash });
      check(await refusedJoin({ args }), {
        ...preflight,
        says: ['CACertHash', facts.caCertHash, caCertHash],
      });
    });

    test('under the name of a node that is Ready', async () => {
      const args = await join(facts, { name: controlPlane.hostname });
      const says = [
        'NodeName',
        `a node ${controlPlane.hostname} already`,
        '--node-name',
        'kubectl delete node',
      ];
      check(await refusedJoin({ args }), { ...preflight, says });
    });

    test("with a clock hours behind the API server's", async () => {
      const refusal = await refusedJoin({ args: await join(facts), fault: clockAt('3 hours ago') });
      const says = ['ClockSkew', /clock is 3 h behind/, 'timedatectl set-time'];
      check(refusal, { ...preflight, says });
    });

    test('with a package that is newer than the cluster', async () => {
      const file = await sendPackage(edge, (here) =>
        craftPackage(here, {}, [], (manifest) => {
          manifest.kubernetesVersion = 'v1.99.0';
        }),
      );
      const args = await join(facts);
      args[args.length - 1] = file;
      const says = [
        'KubernetesVersion',
        'v1.99.0',
        'a node must not be newer than its cluster',
        /edgeadm package build --kubernetes-version v1\.36/,
      ];
      check(await refusedJoin({ args }), { ...preflight, says });
    });

    test('on a control plane', async () => {
      const journal = () => controlPlane.run(['sha256sum', '/var/lib/edgeadm/journal.jsonl']);
      const sum = await journal();
      const { endpoint, token, caCertHash } = facts;
      const args = ['join', endpoint, '--token', token, '--discovery-token-ca-cert-hash', caCertHash];
      const { exitCode, result } = await controlPlane.edgeadm(args);
      expect({ exitCode, code: result?.error?.code }).toEqual(preflight);
      const details = result!.error!.details!.join('\n');
      expect(details).toMatch(
        /ExistingCluster.* a control plane that `edgeadm init` made\n.*`edgeadm reset`/,
      );
      expect(await journal()).toEqual(sum);
    });
  });
});
