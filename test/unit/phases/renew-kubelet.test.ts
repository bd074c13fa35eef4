import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { renewKubelet } from '../../../phases/certs/renew-kubelet.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { FakeHost } from '../../fakes/host.ts';
import { createCertificate } from '../../fakes/pki.ts';

const current = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const times = { notBefore: new Date('2025-01-01'), notAfter: new Date('2026-01-01') };
const expired = createCertificate({
  commonName: 'system:node:edge-1',
  organization: 'system:nodes',
  ...times,
});
const issued = createCertificate({ commonName: 'system:node:edge-1', organization: 'system:nodes' });
const token = 'abcdef.0123456789abcdef';

function edgeNode(files: Record<string, string> = {}): FakeHost {
  return new FakeHost({
    files: {
      '/etc/kubernetes/pki/ca.crt': createCertificate({ commonName: 'kubernetes', ca: true }).cert,
      '/etc/kubernetes/kubelet.conf': 'clusters:\n- cluster:\n    server: https://127.0.0.1:51003\n',
      '/var/lib/edgeadm/lite-apiserver/config.yaml': 'upstream: {servers: ["https://10.0.0.10:6443"]}\n',
      '/var/lib/edgeadm/lite-apiserver/pki/serving.pem': issued.cert,
      '/etc/systemd/system/edgeadm-lite-apiserver.service': '[Unit]\n',
      [current]: expired.cert,
      ...files,
    },
    units: {
      'kubelet.service': { enabled: true, active: true },
      'edgeadm-lite-apiserver.service': { enabled: true, active: true },
    },
  });
}

/** A cluster that signs at once; keeps what was asked, and by whom. */
function cluster(refuse?: Error) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  const configs: string[] = [];
  const kube = {
    async request(method: string, path: string, body?: unknown) {
      asked.push({ method, path, body });
      if (refuse) throw refuse;
      if (path.includes('/leases/'))
        return { spec: { renewTime: new Date(Date.now() + 1000).toISOString() } };
      const status = { certificate: Buffer.from(issued.cert).toString('base64') };
      return { metadata: { name: 'csr-1' }, status: method === 'POST' ? {} : status };
    },
  } as unknown as KubeClient;
  const connect = async (text: string) => {
    configs.push(text);
    return kube;
  };
  return { asked, configs, connect };
}

const renew = (host: FakeHost, { connect }: ReturnType<typeof cluster>, endpoint?: string) =>
  renewKubelet({
    ...{ host, emit: host.emit, signal: new AbortController().signal, token, endpoint, connect },
  });

test('a certificate for the node of before, by the rights of the token, in one step', async () => {
  const host = edgeNode();
  const there = cluster();
  const renewed = await renew(host, there);
  expect(renewed).toMatchObject({ node: 'edge-1', notAfter: issued ? expect.any(String) : '' });
  expect(there.asked[0]).toMatchObject({
    method: 'POST',
    body: {
      spec: {
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    },
  });
  const config = JSON.parse(there.configs[0]!);
  expect(config.clusters[0].cluster.server).toBe('https://10.0.0.10:6443');
  expect(config.users[0].user).toEqual({ token });
  const pem = await host.readText(renewed.file);
  expect(new X509Certificate(pem!).validToDate > new Date()).toBe(true);
  expect(pem).toContain('PRIVATE KEY');
  expect((await host.stat(renewed.file))!.mode).toBe(0o600);
  expect((await host.stat(current))!.target).toBe(renewed.file);
  expect(host.units.get('kubelet.service')!.starts).toBe(1);
  expect(host.units.get('edgeadm-lite-apiserver.service')!.starts).toBe(0);
});

test('a proxy whose certificate expired too is started again; the API server may have moved', async () => {
  const host = edgeNode({ '/var/lib/edgeadm/lite-apiserver/pki/serving.pem': expired.cert });
  const there = cluster();
  await renew(host, there, '10.0.0.99:6443');
  expect(there.configs[0]).toContain('https://10.0.0.99:6443');
  expect(host.units.get('edgeadm-lite-apiserver.service')!.starts).toBe(1);
});

test('a refused token changes nothing, and is not in the error', async () => {
  const host = edgeNode();
  const there = cluster(new Error('POST: status 401 Unauthorized'));
  const thrown = await renew(host, there).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'E_KUBE_API', hint: expect.stringContaining('edgeadm token create') });
  expect(JSON.stringify(thrown)).not.toContain(token);
  expect(host.changes).toEqual([]);
});

test.each([
  ['https://10.0.0.99:6443', 'is a URL'],
  ['10.0.0.99', 'has no port'],
])('%s is no endpoint, and nothing is asked of it', async (endpoint, why) => {
  const there = cluster();
  const thrown = await renew(edgeNode(), there, endpoint).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'E_USAGE', message: expect.stringContaining(why) });
  expect(there.configs).toEqual([]);
});

test('a host that never joined says so', async () => {
  await expect(renew(new FakeHost(), cluster())).rejects.toMatchObject({ code: 'E_EDGE_NODE' });
});
