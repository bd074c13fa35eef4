import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ControllerOptions, runController } from '../../../../src/edge/controller/run.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import type { Event } from '../../../../src/workflow/events.ts';
import { type CsrOptions, createCsr } from '../../../fakes/csr.ts';
import { startWatchApi, type WatchApi } from '../../../fakes/watch-api.ts';
import { eventually } from './eventually.ts';

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const endpoints = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';

type Csr = KubeObject & { status?: { conditions?: { type: string; status: string; message: string }[] } };

let api: WatchApi;
let stop: AbortController;
let running: Promise<void> | undefined;
let address = '';
const events: Event[] = [];

beforeEach(async () => {
  api = await startWatchApi();
  stop = new AbortController();
  events.length = 0;
});

afterEach(async () => {
  stop.abort();
  await running;
  running = undefined;
  await api.close();
});

async function start(options: Partial<ControllerOptions> = {}): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    running = runController({
      signal: stop.signal,
      emit: (event) => events.push(event),
      kubeconfig: { kubeconfig: api.kubeconfig },
      healthAddress: '127.0.0.1:0',
      leaderElection: { timing: { leaseMs: 6000, renewMs: 5000, retryMs: 20 } },
      onListening(bound) {
        address = bound;
        resolve();
      },
      ...options,
    });
    running.catch(reject);
  });
  await eventually(() => expect(api.watches).toBe(1));
}

function putNode(name: string, ip: string, labels: Record<string, string> = {}): void {
  const addresses = [
    { type: 'InternalIP', address: ip },
    { type: 'Hostname', address: name },
  ];
  api.put(`/api/v1/nodes/${name}`, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    status: { addresses },
  });
}

function putCsr(name: string, csr: CsrOptions, more: { spec?: object; status?: object } = {}): void {
  api.put(`${csrs}/${name}`, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name, uid: `uid-${name}` },
    spec: {
      signerName: 'kubernetes.io/kubelet-serving',
      username: `system:node:${csr.nodeName ?? 'n1'}`,
      groups: ['system:nodes'],
      usages: ['digital signature', 'server auth'],
      request: Buffer.from(createCsr(csr)).toString('base64'),
      ...more.spec,
    },
    status: more.status ?? {},
  });
}

const conditions = (name: string) => api.get<Csr>(`${csrs}/${name}`)?.status?.conditions ?? [];
const approved = (name: string) =>
  eventually(() => expect(conditions(name)).toMatchObject([{ type: 'Approved', status: 'True' }]));
const recorded = () =>
  api.below<KubeObject & { reason: string; involvedObject: object }>('/api/v1/namespaces/default/events');
const metrics = async () => (await fetch(`http://${address}/metrics`)).text();
const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

describe('the approver', () => {
  it('approves what is there already and what comes', async () => {
    putNode('n1', '10.0.0.1');
    putCsr('old', { sans: ['n1', '10.0.0.1'] });
    await start();
    await approved('old');
    putCsr('new', { sans: ['n1'] });
    await approved('new');
    expect(conditions('old')).toMatchObject([
      { reason: 'EdgeadmKubeletServing', message: 'edgeadm-controller: n1, 10.0.0.1 are of node n1' },
    ]);
    expect(recorded()).toEqual([]);
    expect(await metrics()).toContain('edgeadm_kubelet_serving_approved_total 2\n');
  });

  it('leaves a request that breaks a rule alone, says why once, and never denies', async () => {
    putNode('n1', '10.0.0.1');
    putCsr('bad', { nodeName: 'n1', sans: ['n1'] }, { spec: { usages: ['client auth'] } });
    await start();
    await eventually(() => expect(recorded()).toHaveLength(1));
    expect(recorded()[0]).toMatchObject({
      type: 'Warning',
      reason: 'UsageNotAllowed',
      involvedObject: { kind: 'CertificateSigningRequest', name: 'bad', uid: 'uid-bad' },
      metadata: { namespace: 'default' },
    });
    api.put(`${csrs}/bad`, {
      ...api.get(`${csrs}/bad`),
      metadata: { name: 'bad', labels: { touched: 'yes' } },
    });
    putCsr('good', { sans: ['n1'] });
    await approved('good');
    expect(conditions('bad')).toEqual([]);
    expect(recorded()).toHaveLength(1);
    expect(warnings()).toEqual([
      expect.stringMatching(/^left alone bad of system:node:n1: UsageNotAllowed: /),
    ]);
    expect(await metrics()).toContain(
      'edgeadm_kubelet_serving_left_alone_total{reason="UsageNotAllowed"} 1\n',
    );
  });

  it('looks again until the node and its address are there', async () => {
    await start();
    putCsr('early', { sans: ['n1', '10.0.0.1'] });
    await eventually(() => expect(api.requests.some(({ path }) => path === '/api/v1/nodes/n1')).toBe(true));
    putNode('n1', '10.0.0.9');
    await eventually(() =>
      expect(api.requests.filter(({ path }) => path === '/api/v1/nodes/n1').length).toBeGreaterThan(1),
    );
    expect(conditions('early')).toEqual([]);
    putNode('n1', '10.0.0.1');
    await approved('early');
    expect(warnings()).toEqual([]);
  });

  it('leaves decided requests and those of other signers alone', async () => {
    putNode('n1', '10.0.0.1');
    const denied = { conditions: [{ type: 'Denied', status: 'True' }] };
    putCsr('denied', {}, { status: denied });
    putCsr('client', {}, { spec: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' } });
    await start();
    putCsr('issued', {}, { status: { certificate: 'AAAA' } });
    putCsr('good', {});
    await approved('good');
    expect(api.get<Csr>(`${csrs}/denied`)?.status).toEqual(denied);
    expect(conditions('client')).toEqual([]);
    expect(conditions('issued')).toEqual([]);
    expect(recorded()).toEqual([]);
  });

  it('approves once when somebody else changes the request at the same time', async () => {
    putNode('n1', '10.0.0.1');
    await start();
    let conflicts = 1;
    api.fault = (method, path) =>
      method === 'PUT' && path.endsWith('/approval') && conflicts-- > 0 ? 409 : undefined;
    putCsr('raced', {});
    await approved('raced');
    expect(conditions('raced')).toHaveLength(1);
    expect(warnings()).toEqual([]);
  });

  it('does not override a decision that was made in between', async () => {
    putNode('n1', '10.0.0.1');
    await start();
    api.fault = (_, path) => {
      if (path !== '/api/v1/nodes/n1') return undefined;
      api.fault = undefined;
      putCsr('raced', {}, { status: { conditions: [{ type: 'Denied', status: 'True' }] } });
      return undefined;
    };
    putCsr('raced', {});
    putCsr('good', {});
    await approved('good');
    await eventually(async () => expect(await metrics()).toContain('edgeadm_kubelet_serving_pending 0\n'));
    expect(conditions('raced')).toEqual([{ type: 'Denied', status: 'True' }]);
  });

  it('tries again when the API server fails', async () => {
    putNode('n1', '10.0.0.1');
    await start();
    let failures = 2;
    api.fault = (_, path) => (path === '/api/v1/nodes/n1' && failures-- > 0 ? 403 : undefined);
    putCsr('good', {});
    await approved('good');
    expect(warnings()).toEqual([
      expect.stringContaining('request good: '),
      expect.stringContaining('request good: '),
    ]);
  });

  it('gives no worker the API servers’ addresses or the name of another node', async () => {
    api.put(endpoints, { metadata: { name: 'kubernetes' }, endpoints: [{ addresses: ['192.0.2.1'] }] });
    const addresses = [
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'InternalDNS', address: 'n2' },
      { type: 'Hostname', address: 'n1' },
    ];
    api.put('/api/v1/nodes/n1', { metadata: { name: 'n1' }, status: { addresses } });
    putNode('n2', '10.0.0.2');
    putNode('cp', '192.0.2.1', { 'node-role.kubernetes.io/control-plane': '' });
    await start();
    putCsr('address', { sans: ['192.0.2.1'] });
    putCsr('name', { sans: ['n1', 'n2'] });
    putCsr('control-plane', { nodeName: 'cp', sans: ['cp', '192.0.2.1'] });
    putCsr('good', { sans: ['n1'] });
    await approved('control-plane');
    await approved('good');
    await eventually(() =>
      expect(api.requests.filter(({ path }) => path === endpoints).length).toBeGreaterThan(5),
    );
    expect(conditions('address')).toEqual([]);
    expect(conditions('name')).toEqual([]);
  });

  it('gives edge nodes the extras', async () => {
    putNode('n1', '10.0.0.1', { 'superedge.io/node-edge': 'enable' });
    await start({ addresses: { extraIps: ['169.254.20.11'], extraNames: ['kubernetes.default.svc'] } });
    putCsr('edge', { sans: ['169.254.20.11', 'kubernetes.default.svc'] });
    await approved('edge');
  });

  it('forgets a request that is deleted', async () => {
    await start();
    putCsr('gone', {});
    await eventually(async () => expect(await metrics()).toContain('edgeadm_kubelet_serving_pending 1\n'));
    api.remove(`${csrs}/gone`);
    await eventually(async () => expect(await metrics()).toContain('edgeadm_kubelet_serving_pending 0\n'));
  });
});

describe('the controller', () => {
  it('says whether it lives, is ready and leads', async () => {
    await start();
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const answer = await fetch(`http://${address}${path}`);
      expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
    }
    expect(await metrics()).toMatch(/^edgeadm_controller_leader 1\n/m);
    expect(await metrics()).toMatch(/^process_resident_memory_bytes \d+\n/m);
    expect((await fetch(`http://${address}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`http://${address}/`)).status).toBe(404);
  });

  it('is not ready before the API server answers', async () => {
    api.fault = () => 'cut';
    running = runController({
      signal: stop.signal,
      emit: (event) => events.push(event),
      kubeconfig: { kubeconfig: api.kubeconfig },
      healthAddress: '127.0.0.1:0',
      leaderElection: { timing: { leaseMs: 6000, renewMs: 5000, retryMs: 20 } },
      onListening(bound) {
        address = bound;
      },
    });
    await eventually(() => expect(warnings().length).toBeGreaterThan(0));
    expect((await fetch(`http://${address}/readyz`)).status).toBe(503);
    expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
    api.fault = undefined;
    await eventually(async () => expect((await fetch(`http://${address}/readyz`)).status).toBe(200));
  });

  it('gives the lease back when it is stopped', async () => {
    await start();
    stop.abort();
    await running;
    const lease = api.get<KubeObject & { spec: object }>(
      '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/edgeadm-controller',
    );
    expect(lease?.spec).toMatchObject({ holderIdentity: '' });
    await expect(fetch(`http://${address}/healthz`)).rejects.toThrow();
  });

  it('works without a lease when told so', async () => {
    putNode('n1', '10.0.0.1');
    await start({ leaderElection: false });
    putCsr('good', {});
    await approved('good');
    expect(api.requests.some(({ path }) => path.includes('/leases/'))).toBe(false);
  });

  it('refuses an address that is none or that is taken', async () => {
    await start();
    for (const healthAddress of ['nonsense', '127.0.0.1:99999', address]) {
      const second = runController({
        signal: stop.signal,
        emit: () => {},
        kubeconfig: { kubeconfig: api.kubeconfig },
        healthAddress,
      });
      await expect(second).rejects.toMatchObject({ code: 'E_USAGE', hint: expect.stringMatching(/./) });
    }
  });
});
