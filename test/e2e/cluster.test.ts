import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import { initArguments, joinArguments, shellImage, shellPod, waitForReady } from './support/cluster.ts';
import { createTestPlayground, type TestPlayground } from './support/playground.ts';

/** The README's way by hand: bare nodes, the package beside them, no route out. */
describe('a cluster of a control-plane node, an edge node and a worker', () => {
  let playground: TestPlayground;
  let initialised: EdgeadmOutcome;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, workers: 1 });
    initialised = await playground.controlPlane.edgeadm(await initArguments(playground));
  });
  afterAll(() => playground?.delete());

  test('init succeeds and says how nodes join', () => {
    expect(initialised.result).toMatchObject({
      ok: true,
      data: {
        join: {
          endpoint: expect.stringMatching(/:6443$/),
          token: expect.stringMatching(/^[a-z0-9]{6}\.[a-z0-9]{16}$/),
          caCertHash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        },
      },
    });
    expect(initialised.events).toContainEqual(
      expect.objectContaining({ type: 'message', text: expect.stringContaining('edgeadm join') }),
    );
  });

  test('an edge node and a worker join at once', async () => {
    const [edge, worker] = await Promise.all([
      playground.node('edge-1').edgeadm(joinArguments(playground, initialised)),
      playground.node('worker-1').edgeadm([...joinArguments(playground, initialised), '--enable-edge=false']),
    ]);
    expect(edge.result).toMatchObject({ ok: true, data: { role: 'edge' } });
    expect(worker.result).toMatchObject({ ok: true, data: { role: 'worker' } });
    await waitForReady(playground, 3);
  });

  test('nodes carry the labels of their side', async () => {
    const { items } = await playground.kubectlJson<{
      items: { metadata: { name: string; labels: Record<string, string> } }[];
    }>(['get', 'nodes']);
    const labelled = (label: string) =>
      items
        .filter(({ metadata }) => metadata.labels[label] === 'enable')
        .map(({ metadata }) => metadata.name)
        .sort();
    expect(labelled('superedge.io/node-edge')).toEqual([playground.node('edge-1').name]);
    expect(labelled('superedge.io/node-cloud')).toEqual(
      [playground.controlPlane.name, playground.node('worker-1').name].sort(),
    );
  });

  test('a Pod on the edge node resolves a Service, by its own DNS and, through the overlay, by that of the cloud', async () => {
    const image = await shellImage(playground.kubectl);
    const objects = [
      shellPod('client', playground.node('edge-1'), image, ['busybox', 'sleep', '3600']),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'server' },
        spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ];
    await playground.kubectl(['apply', '-f', '-'], {
      input: objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    });
    await playground.kubectl(['wait', '--for=condition=Ready', 'pod/client', '--timeout=60s']);
    const name = 'server.default.svc.cluster.local';
    const cloud = await playground.kubectlJson<{ spec: { clusterIP: string } }>([
      'get',
      'service',
      '--namespace=kube-system',
      'kube-dns',
    ]);
    for (const server of ['169.254.20.11', cloud.spec.clusterIP]) {
      const lookUp = ['exec', 'client', '--', 'busybox', 'nslookup', name, server];
      const { stdout } = await playground.kubectl(lookUp);
      const address = /cluster\.local\s+Address(?: 1)?: (\S+)/.exec(stdout)?.[1];
      expect(address, stdout).toMatch(/^10\./);
    }
    await playground.kubectl(['delete', 'pod/client', 'service/server', '--wait=false']);
  });

  test('kubectl logs works through certificates that the controller approved', async () => {
    const { items } = await playground.kubectlJson<{
      items: { spec: { signerName: string }; status: { certificate?: string } }[];
    }>(['get', 'certificatesigningrequests']);
    const serving = items.filter(({ spec }) => spec.signerName === 'kubernetes.io/kubelet-serving');
    expect(serving.length).toBeGreaterThanOrEqual(3);
    for (const node of playground.nodes) {
      const pods = await playground.kubectlJson<{ items: { metadata: { name: string } }[] }>([
        'get',
        'pods',
        '--namespace=kube-system',
        '--selector=k8s-app in (kube-proxy,kube-proxy-edge)',
        `--field-selector=spec.nodeName=${node.name}`,
      ]);
      const { stdout } = await playground.kubectl([
        'logs',
        '--namespace=kube-system',
        pods.items[0]!.metadata.name,
        '--tail=5',
      ]);
      expect(stdout).not.toBe('');
    }
  });

  test("one node's credentials cannot touch another node", async () => {
    const edge = playground.node('edge-1');
    const kubectl = (...args: string[]) =>
      edge.run(['kubectl', '--kubeconfig=/etc/kubernetes/kubelet.conf', ...args], { allowFailure: true });
    const own = await kubectl('get', 'node', edge.name);
    expect(own.exitCode).toBe(0);
    const foreign = await kubectl('label', 'node', playground.controlPlane.name, 'example.com/taken=yes');
    expect(foreign.stderr).toMatch(/forbidden/i);
    const guarded = await kubectl('label', 'node', edge.name, 'node-restriction.kubernetes.io/taken=yes');
    expect(guarded.stderr).toMatch(/forbidden|not allowed/i);
    const secrets = await kubectl('get', 'secrets', '--all-namespaces');
    expect(secrets.stderr).toMatch(/forbidden/i);
    const deletion = await kubectl('delete', 'node', playground.node('worker-1').name);
    expect(deletion.stderr).toMatch(/forbidden/i);
  });

  test('the kubelets rotate client and serving certificates', async () => {
    for (const node of playground.nodes) {
      const config = await node.read('/var/lib/kubelet/config.yaml');
      expect(config).toMatch(/^rotateCertificates: true$/m);
      expect(config).toMatch(/^serverTLSBootstrap: true$/m);
    }
  });

  test('a second init and a second join change nothing', async () => {
    const before = await playground.controlPlane.run([
      'sha256sum',
      '/etc/kubernetes/pki/ca.crt',
      '/var/lib/edgeadm/journal.jsonl',
    ]);
    const again = await playground.controlPlane.edgeadm(await initArguments(playground));
    expect(again.result).toMatchObject({ ok: true });
    const phases = again.result!.data!.phases as { name: string; changed: boolean }[];
    expect(phases.filter(({ changed }) => changed)).toEqual([]);
    const after = await playground.controlPlane.run(['sha256sum', '/etc/kubernetes/pki/ca.crt']);
    expect(before.stdout).toContain(after.stdout.trim());
    const joined = await playground.node('edge-1').edgeadm(joinArguments(playground, initialised));
    expect(joined.result).toMatchObject({ ok: true });
    expect((joined.result!.data!.phases as { changed: boolean }[]).filter(({ changed }) => changed)).toEqual(
      [],
    );
  });

  test('a dry run changes nothing and says what would be done', async () => {
    const before = await playground.controlPlane.run([
      'find',
      '/etc',
      '/var/lib/edgeadm',
      '-newer',
      '/var/lib/edgeadm/journal.jsonl',
      '-type',
      'f',
    ]);
    const { result, events } = await playground.controlPlane.edgeadm(['reset', '--force', '--dry-run']);
    expect(result).toMatchObject({ ok: true });
    expect(events).toContainEqual(expect.objectContaining({ type: 'change', planned: true }));
    const after = await playground.controlPlane.run([
      'find',
      '/etc',
      '/var/lib/edgeadm',
      '-newer',
      '/var/lib/edgeadm/journal.jsonl',
      '-type',
      'f',
    ]);
    expect(after.stdout).toBe(before.stdout);
    await waitForReady(playground, 3);
  });

  test.each(['init', 'join', 'reset'])("takes all of kubeadm %s's flags", async (command) => {
    const { compareFlags } = await import('../../src/config/flags/compare.ts');
    const { initFlags } = await import('../../src/config/flags/init.ts');
    const { joinFlags } = await import('../../src/config/flags/join.ts');
    const { resetFlags } = await import('../../src/config/flags/reset.ts');
    const { globalFlags } = await import('../../src/config/flags/common.ts');
    const tables = { init: initFlags, join: joinFlags, reset: resetFlags };
    const help = await playground.controlPlane.run(['kubeadm', command, '--help']);
    const compared = compareFlags(help.stdout, [...tables[command as keyof typeof tables], ...globalFlags]);
    expect(compared.missing).toEqual([]);
  });

  test("has all of kubeadm's phases", async () => {
    const { flatten } = await import('../../src/workflow/select.ts');
    const { initPhases } = await import('../../phases/init/index.ts');
    const { joinPhases } = await import('../../phases/join/index.ts');
    for (const [command, phases] of [
      ['init', flatten(initPhases)],
      ['join', flatten(joinPhases)],
    ] as const) {
      const help = await playground.controlPlane.run(['kubeadm', command, '--help']);
      const listed = /```\n([\s\S]+?)```/.exec(help.stdout)![1]!;
      let parent = '';
      const names = listed
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const name = line.trim().split(/\s+/)[0]!;
          if (!name.startsWith('/')) parent = name;
          return name.startsWith('/') ? `${parent}${name}` : name;
        });
      const ours = phases.map(({ name }) => name);
      expect(names.filter((name) => !ours.includes(name))).toEqual([]);
    }
  });

  test('tokens, certificates and kubeconfigs go through to kubeadm, and join commands say edgeadm', async () => {
    const { controlPlane } = playground;
    const created = await controlPlane.run([
      'edgeadm',
      'token',
      'create',
      '--print-join-command',
      '--ttl',
      '1h',
    ]);
    expect(created.stdout).toMatch(
      /^edgeadm join \S+:6443 --token \S+ --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}/m,
    );
    const token = /--token (\S+)/.exec(created.stdout)![1]!;
    expect((await controlPlane.run(['edgeadm', 'token', 'list'])).stdout).toContain(token);
    await controlPlane.run(['edgeadm', 'token', 'delete', token.slice(0, 6)]);
    expect((await controlPlane.run(['edgeadm', 'token', 'list'])).stdout).not.toContain(token);
    expect((await controlPlane.run(['edgeadm', 'certs', 'check-expiration'])).stdout).toContain(
      'apiserver-kubelet-client',
    );
    expect((await controlPlane.run(['edgeadm', 'config', 'images', 'list'])).stdout).toContain(
      'registry.k8s.io/pause:',
    );
  });

  test('no node has a route out', async () => {
    for (const node of playground.nodes) {
      // An address for documentation (RFC 5737): nobody answers, but without a way out it fails at the first hop.
      const { stderr } = await node.run(['timeout', '10', 'bash', '-c', 'echo > /dev/tcp/192.0.2.1/80'], {
        allowFailure: true,
      });
      expect(stderr, node.name).toMatch(/No route to host|unreachable/);
    }
  });
});
