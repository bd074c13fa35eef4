import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OfflineVerdict } from '../../phases/offline/index.ts';
import type { LiteApiserverStatus } from '../../src/edge/lite-apiserver/status.ts';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import {
  initArguments,
  joinArguments,
  runningContainers,
  shellImage,
  shellPod,
  waitForReady,
} from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

/** So short that it ends while a test waits, so long that kubelet and proxy renew theirs while they are online. */
const lifetime = '2m';

/** A cluster whose certificates of nodes live for minutes. */
describe('an edge node that is away until its certificates have expired', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let joined: EdgeadmOutcome;

  const check = async (): Promise<{ exitCode: number; verdict: OfflineVerdict; ids: string[] }> => {
    const { exitCode, result, output } = await edge.edgeadm(['check', 'offline']);
    const verdict = result?.data as unknown as OfflineVerdict;
    expect(verdict?.findings, output.join('\n')).toBeDefined();
    return { exitCode, verdict, ids: verdict.findings.map(({ id }) => id) };
  };
  const status = async (): Promise<LiteApiserverStatus> =>
    (await edge.edgeadm(['status'])).result!.data as unknown as LiteApiserverStatus;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1 });
    edge = playground.node('edge-1');
    const duration = { name: 'cluster-signing-duration', value: lifetime };
    const cluster = {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      controllerManager: { extraArgs: [duration] },
    };
    const initialised = await playground.controlPlane.edgeadm(
      await initArguments(playground, { more: [cluster] }),
    );
    joined = await edge.edgeadm(joinArguments(playground, initialised));
    await waitForReady(playground, 2);
    const image = await shellImage(playground.kubectl);
    const pod = shellPod('web', edge, image, ['busybox', 'sleep', '36000']);
    await playground.kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) });
    await playground.kubectl(['wait', '--for=condition=Ready', 'pod/web', '--timeout=60s']);
  });
  afterAll(() => playground?.delete());

  test('is told how long it lives at the end of its join', () => {
    expect(joined.result).toMatchObject({ ok: true, data: { offline: { node: edge.hostname } } });
    expect(joined.events).toContainEqual(
      expect.objectContaining({
        type: 'message',
        text: expect.stringMatching(/(survives \d+ days?|does not survive a reboot) offline/),
      }),
    );
  });

  test('survives a reboot until then, and names what does not last', async () => {
    const { exitCode, verdict } = await poll(
      'everything to be read',
      async () => {
        const now = await check();
        return now.verdict.survives ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(exitCode).toBe(0);
    expect(verdict).toMatchObject({
      days: 0,
      firstToFail: { what: expect.stringMatching(/^(kubelet client|serving) certificate/) },
    });
    expect(verdict.findings.map(({ id }) => id)).toContain('CertificateExpiresSoon');
  });

  test('finds a unit that is disabled and an image that is not pinned', async () => {
    const image = await shellImage(playground.kubectl);
    const label = ['ctr', '--namespace', 'k8s.io', 'images', 'label', image] as const;
    await edge.run(['systemctl', 'disable', 'edgeadm-lite-apiserver']);
    await edge.run([...label, 'io.cri-containerd.pinned=']);
    const { exitCode, verdict } = await check();
    expect(exitCode).toBe(2);
    expect(verdict.survives).toBe(false);
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'UnitNotEnabled', severity: 'error' }),
    );
    expect(verdict.findings).toContainEqual(
      expect.objectContaining({ id: 'ImageNotPinned', message: expect.stringContaining(image) }),
    );
    await edge.run(['systemctl', 'enable', 'edgeadm-lite-apiserver']);
    await edge.run([...label, 'io.cri-containerd.pinned=pinned']);
  });

  test('says by name that its clock is before what the cloud confirmed', async () => {
    await edge.disconnect();
    await poll('offline', async () => !(await status()).online || undefined, { timeoutMs: 15_000 });
    const file = '/var/lib/edgeadm/lite-apiserver/clock.json';
    await edge.write(file, '{"confirmedAt":"2099-01-01T00:00:00.000Z"}', 0o600);
    await edge.run(['systemctl', 'restart', 'edgeadm-lite-apiserver']);
    const { clock } = await poll('the proxy', status, { timeoutMs: 15_000 });
    expect(clock.problem).toMatch(/the clock of this node says .*, which is before 2099-01-01T00:00:00Z/);
    expect((await check()).ids).toContain('ClockWrong');
    const { stdout } = await edge.run(['journalctl', '--unit', 'edgeadm-lite-apiserver', '--output', 'cat']);
    expect(stdout.split('\n').filter((line) => line.includes('which is before 2099'))).toHaveLength(1);
  });

  test('says that its certificate expired, and comes back without losing a Pod', async () => {
    await poll(
      'the certificates to expire',
      async () => (await check()).ids.includes('CertificateExpired') || undefined,
      { timeoutMs: 300_000, everyMs: 5000 },
    );
    const expired = await poll(
      'the kubelet certificate to expire',
      async () =>
        (await status()).certificates.find(({ name, expired }) => name === 'kubelet-client' && expired),
      { timeoutMs: 300_000, everyMs: 5000 },
    );
    expect(expired.expired).toContain('edgeadm certs renew kubelet');
    const before = await runningContainers(edge);
    expect(before.length).toBeGreaterThan(2);
    await edge.connect();
    await poll('online', async () => (await status()).online || undefined, { timeoutMs: 30_000 });
    const { stdout: token } = await playground.controlPlane.run(['edgeadm', 'token', 'create']);
    const renewed = await edge.edgeadm(['certs', 'renew', 'kubelet', '--token', token.trim()]);
    expect(renewed.result, renewed.output.join('\n')).toMatchObject({
      ok: true,
      data: { node: edge.hostname },
    });
    await waitForReady(playground, 2);
    expect(await runningContainers(edge)).toEqual(before);
    expect((await status()).clock.problem).toBe('');
  });
});
