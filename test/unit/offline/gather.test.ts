import { expect, test } from 'vitest';
import { checkOffline } from '../../../phases/offline/index.ts';
import { paths } from '../../../src/host/paths.ts';
import { FakeHost } from '../../fakes/host.ts';
import { createCertificate } from '../../fakes/pki.ts';
import { day, noon, pod, status } from './facts.ts';

const { signal } = new AbortController();
const config = `apiVersion: edgeadm.superedge.io/v1alpha1
kind: LiteApiserverConfiguration
nodeName: edge-1
upstream: {servers: ['https://10.0.0.10:6443']}
edgeLink: {addresses: [169.254.20.11, 10.96.0.1]}
`;

function certificate(commonName: string, days: number): string {
  const times = { notBefore: new Date(noon - 300_000), notAfter: new Date(noon + days * day) };
  return createCertificate({ commonName, organization: 'system:nodes', ...times }).cert;
}

/** An edge node as commands and files show it. */
function edgeNode(): FakeHost {
  const unit = 'Id=x\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nFragmentPath=/x\n';
  return new FakeHost({
    files: {
      '/var/lib/edgeadm/lite-apiserver/config.yaml': config,
      '/var/lib/edgeadm/lite-apiserver/pki/serving.pem': certificate('system:node:edge-1', 365),
      '/var/lib/edgeadm/lite-apiserver/clock.json': `{"confirmedAt":"2026-11-23T11:00:00.000Z"}\n`,
      '/var/lib/kubelet/pki/kubelet-client-current.pem': certificate('system:node:edge-1', 364),
      '/etc/kubernetes/pki/ca.crt': certificate('kubernetes', 3650),
      '/etc/kubernetes/kubelet.conf': 'clusters:\n- cluster:\n    server: https://127.0.0.1:51003\n',
      '/etc/containerd/config.toml': "[plugins.x.pinned_images]\nsandbox = 'registry.k8s.io/pause:3.10'\n",
      '/var/lib/kubelet/config.yaml': 'evictionHard: {nodefs.available: 10%, nodefs.inodesFree: 5%}\n',
      '/etc/kubernetes/kubelet.conf.d/10-edgeadm.conf': 'evictionHard: {nodefs.available: 3%}\n',
      '/run/systemd/container': 'podman',
      '/proc/uptime': '7200.00 100.00\n',
      '/proc/diskstats': '   8       1 sda1 10 0 20 0 30 0 8388608 0 0 0 0\n',
    },
  })
    .reply('systemctl show', { stdout: [unit, unit, unit].join('\n') })
    .reply(/ctr .* ls --quiet$/, {
      stdout: 'registry.example/web:1\nregistry.k8s.io/pause:3.10\nsha256:abc\n',
    })
    .reply(/ctr .*pinned/, { stdout: 'registry.k8s.io/pause:3.10\nregistry.example/web:1\n' })
    .reply('ip -json address', {
      stdout: '[{"addr_info":[{"local":"169.254.20.11"},{"local":"10.96.0.1"}]},{"addr_info":[]}]',
    })
    .reply('ip -json -4 route', { stdout: '[{"dst":"default"}]' })
    .reply('df -Pk', {
      stdout:
        'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000000 1 500000 50% /\n/dev/sda1 1000000 1 500000 50% /\n',
    })
    .reply('df -Pi', {
      stdout:
        'Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 1000 1 900 1% /\n/dev/sda1 1000 1 900 1% /\n',
    });
}

const proxy = { status: async () => status(), pods: async () => [pod()] };
const check = (host: FakeHost, more = {}) => checkOffline(host, { signal, proxy, now: () => noon, ...more });

test('a node that lacks nothing, read from its commands and files', async () => {
  const host = edgeNode();
  const verdict = await check(host);
  expect(verdict.findings).toEqual([]);
  expect(verdict).toMatchObject({
    ...{ node: 'edge-1', survives: true, days: 364, checkedAt: '2026-11-23T12:00:00Z' },
    firstToFail: { what: 'kubelet client certificate' },
  });
  expect(host.changes).toEqual([]);
});

test('what fails to be read is told, and stops nothing', async () => {
  const host = edgeNode().reply('ctr', { exitCode: 1, stderr: 'connection refused' });
  const verdict = await check(host);
  expect(verdict.findings.map(({ id }) => id)).toEqual(['NotChecked']);
  expect(verdict.findings[0]!.message).toContain('images');
});

test('a proxy that is not there is one finding', async () => {
  const gone = () => Promise.reject(new Error('ENOENT'));
  const verdict = await check(edgeNode(), { proxy: { status: gone, pods: gone } });
  expect(verdict.findings.map(({ id }) => id)).toEqual(['ProxyNotRunning']);
});

test('a disabled unit, an image that is not pinned, a clock that went back', async () => {
  const host = edgeNode().reply('systemctl show', {
    stdout: 'Id=x\nLoadState=loaded\nActiveState=active\nUnitFileState=disabled\nFragmentPath=/x\n',
  });
  host.reply(/ctr .*pinned/, { stdout: '' });
  const verdict = await check(host, { now: () => noon - 2 * 3_600_000 });
  expect(verdict.findings.map(({ id }) => id)).toEqual([
    ...['ClockWrong', 'UnitNotEnabled', 'ImageNotPinned', 'ImageNotPinned'],
  ]);
  expect(verdict.findings[0]!.message).toContain(
    'the clock of this node says 2026-11-23T10:00:00Z, which is before 2026-11-23T11:00:00Z',
  );
});

test('writes are counted where the kernel counts them for this host alone', async () => {
  const host = edgeNode();
  await host.remove('/run/systemd/container');
  host.reply('systemctl show', {
    stdout: 'Id=x\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n',
  });
  const found = (await check(host)).findings;
  // 8388608 sectors in two hours.
  expect(found).toContainEqual(
    expect.objectContaining({
      id: 'MuchWritten',
      message: expect.stringContaining('2.0 GiB are written per hour'),
    }),
  );
});

test.each([
  ['470000', []],
  ['70000', ['DiskNearlyFull']],
  ['29000', ['DiskFull']],
])('%s of 1000000 free, of which the kubelet keeps 3 %%: %j', async (free, found) => {
  const line = `/dev/sda1 1000000 1 ${free} 50% /\n`;
  const host = edgeNode().reply('df -Pk', { stdout: `Filesystem 1024-blocks Used\n${line}${line}` });
  expect((await check(host)).findings.map(({ id }) => id)).toEqual(found);
});

test.each([
  [{}, `this host is no edge node: ${paths.liteApiserverConfig} is not there`],
  [
    { [paths.liteApiserverConfig]: 'upstream: {}\n' },
    `${paths.liteApiserverConfig} names no node, and there is no certificate of the kubelet`,
  ],
])('a host that is no edge node, or does not know which, says so: %o', async (files, message) => {
  await expect(check(new FakeHost({ files }))).rejects.toMatchObject({
    code: 'E_EDGE_NODE',
    message: expect.stringContaining(message),
  });
});
