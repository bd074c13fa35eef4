import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { connect } from '../../../src/kube/client.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { type FakeApiServer, startApiServer } from '../../fakes/apiserver.ts';
import { createCertificate } from '../../fakes/pki.ts';

let server: FakeApiServer;
let client: KubeClient;

beforeEach(async () => {
  server = await startApiServer();
  client = await connect({ kubeconfig: server.kubeconfig(), timeoutMs: 5000 });
});
afterEach(() => server.close());

const configMap = (data: Record<string, string>, name = 'settings') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'kube-system' },
  data,
});

async function failure(work: Promise<unknown>): Promise<EdgeadmError> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(EdgeadmError);
  return error;
}

describe('connect', () => {
  it('reads a kubeconfig file, with credentials in files relative to it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'edgeadm-kube-'));
    try {
      await writeFile(join(directory, 'ca.crt'), server.ca.cert);
      const text = server
        .kubeconfig({ token: 'abcdef.0123456789abcdef' })
        .replace(/certificate-authority-data: .*/, 'certificate-authority: ca.crt');
      await writeFile(join(directory, 'admin.conf'), text);
      server.tokens['abcdef.0123456789abcdef'] = 'admin';
      const other = await connect({ kubeconfigPath: join(directory, 'admin.conf') });
      expect(await other.list('v1', 'Namespace')).toHaveLength(3);
      expect(server.requests[0]?.authorization).toBe('Bearer abcdef.0123456789abcdef');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each([
    ['no YAML', '{', /cannot be used as a kubeconfig/],
    ['empty', '', /cannot be used as a kubeconfig/],
    ['no cluster', 'apiVersion: v1\nkind: Config\n', /no usable context/],
    [
      'a context that is not there',
      'current-context: x\nclusters: [{name: a, cluster: {server: "https://a"}}]',
      /context x/,
    ],
    ['a server that is no URL', 'clusters: [{name: a, cluster: {server: "a:6443"}}]', /"a:6443"/],
  ])('refuses %s', async (_, kubeconfig, message) => {
    expect((await failure(connect({ kubeconfig }))).message).toMatch(message);
  });

  it('names a missing file and what to do', async () => {
    const error = await failure(connect({ kubeconfigPath: '/nowhere/admin.conf' }));
    expect(error.message).toContain('/nowhere/admin.conf');
    expect(error.hint).toContain('--kubeconfig');
  });
});

describe('apply', () => {
  it('sends raw JSON as an apply patch of edgeadm, forced and strict', async () => {
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'units.example.org' },
      spec: { 'x-kubernetes-preserve-unknown-fields': true, names: {}, versions: [] },
    };
    expect(await client.apply([crd])).toBe(true);
    const sent = server.requests.find(({ method }) => method === 'PATCH');
    expect(sent?.contentType).toBe('application/apply-patch+yaml');
    expect(Object.fromEntries(sent?.query ?? [])).toEqual({
      fieldManager: 'edgeadm',
      force: 'true',
      fieldValidation: 'Strict',
    });
    expect(sent?.body).toEqual(crd);
  });

  it('says whether anything changed', async () => {
    expect(await client.apply([configMap({ a: '1' })])).toBe(true);
    expect(await client.apply([configMap({ a: '1' })])).toBe(false);
    expect(await client.apply([configMap({ a: '2' })])).toBe(true);
    expect(await client.apply([])).toBe(false);
  });

  it('changes nothing in a dry run, and says what would change', async () => {
    expect(await client.apply([configMap({ a: '1' })], { dryRun: true })).toBe(true);
    expect(server.get('/api/v1/namespaces/kube-system/configmaps/settings')).toBeUndefined();
    await client.apply([configMap({ a: '1' })]);
    expect(await client.apply([configMap({ a: '1' })], { dryRun: true })).toBe(false);
    expect(await client.apply([configMap({ a: '2' })], { dryRun: true })).toBe(true);
    expect(await client.get({ ...configMap({}), name: 'settings', namespace: 'kube-system' })).toMatchObject({
      data: { a: '1' },
    });
  });

  it('dry-runs objects whose namespace or kind the same list makes', async () => {
    const objects = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge-system' } },
      { ...configMap({}), metadata: { name: 'x', namespace: 'edge-system' } },
    ];
    expect(await client.apply(objects, { dryRun: true })).toBe(true);
    const elsewhere = [{ ...configMap({}), metadata: { name: 'x', namespace: 'nowhere' } }];
    expect((await failure(client.apply(elsewhere, { dryRun: true }))).message).toContain('nowhere');
  });

  it('asks discovery for kinds it does not know, once', async () => {
    const tulip = { apiVersion: 'flowers.example.org/v1', kind: 'Tulip', metadata: { name: 'red' } };
    await client.apply([tulip, { ...tulip, metadata: { name: 'blue' } }]);
    expect(server.get('/apis/flowers.example.org/v1/namespaces/default/tulips/blue')).toBeDefined();
    expect(server.requests.filter(({ path }) => path === '/apis/flowers.example.org/v1')).toHaveLength(1);
  });

  it('waits for the kind of a definition applied just before', async () => {
    server.crdDelay = 2;
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'nodeunits.site.superedge.io' },
      spec: {
        group: 'site.superedge.io',
        scope: 'Cluster',
        names: { kind: 'NodeUnit', plural: 'nodeunits' },
        versions: [{ name: 'v1alpha1' }],
      },
    };
    const unit = { apiVersion: 'site.superedge.io/v1alpha1', kind: 'NodeUnit', metadata: { name: 'shop-1' } };
    expect(await client.apply([definition, unit])).toBe(true);
    expect(server.get('/apis/site.superedge.io/v1alpha1/nodeunits/shop-1')).toBeDefined();
  });

  it('refuses a kind that the cluster lacks, by name', async () => {
    const error = await failure(
      client.apply([{ apiVersion: 'a.b/v1', kind: 'Ghost', metadata: { name: 'x' } }]),
    );
    expect(error.code).toBe('E_KUBE_API');
    expect(error.message).toContain('Ghost in a.b/v1');
  });

  it('passes on why a field was refused', async () => {
    const wrong = { ...configMap({}), spec: { unknownField: 1 } };
    const error = await failure(client.apply([wrong]));
    expect(error.message).toMatch(/^apply ConfigMap kube-system\/settings: HTTP 500: .*unknownField/);
    expect(error.hint).toContain('--manifests-dir');
    expect(server.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  it('applies the items of a List', async () => {
    await client.apply([{ apiVersion: 'v1', kind: 'List', items: [configMap({}, 'a'), configMap({}, 'b')] }]);
    expect(await client.list('v1', 'ConfigMap', { namespace: 'kube-system' })).toHaveLength(2);
  });
});

describe('reading and changing', () => {
  const node = (name: string, labels: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
  });

  it('gets, patches and deletes; what is absent is undefined or false', async () => {
    const ref = { apiVersion: 'v1', kind: 'Node', name: 'edge-1' };
    expect(await client.get(ref)).toBeUndefined();
    server.put(node('edge-1'));
    await client.mergePatch(ref, { metadata: { labels: { 'superedge.io/node-edge': 'enable' } } });
    expect((await client.get(ref))?.metadata.labels).toEqual({ 'superedge.io/node-edge': 'enable' });
    expect(await client.delete(ref)).toBe(true);
    expect(await client.delete(ref)).toBe(false);
  });

  it('lists over pages, with selectors, and gives items their kind back', async () => {
    for (let index = 0; index < 501; index++)
      server.put(node(`n${index}`, { side: index % 2 ? 'edge' : 'cloud' }));
    expect(await client.list('v1', 'Node')).toHaveLength(501);
    const edge = await client.list('v1', 'Node', { labelSelector: 'side=edge' });
    expect(edge).toHaveLength(250);
    expect(edge[0]).toMatchObject({ apiVersion: 'v1', kind: 'Node' });
    expect(await client.list('v1', 'Node', { fieldSelector: 'metadata.name=n7' })).toHaveLength(1);
  });

  it('sends raw requests', async () => {
    expect(await client.request('GET', '/version')).toEqual({ gitVersion: 'v1.36.3' });
  });
});

describe('failures', () => {
  it('tries again after 5xx, 429 and a cut connection', async () => {
    server.fail({ method: 'GET', how: { status: 503, reason: 'ServiceUnavailable', message: 'starting' } });
    server.fail({ method: 'GET', how: 'reset' });
    server.fail({ method: 'PATCH', how: { status: 429, reason: 'TooManyRequests', message: 'slow down' } });
    expect(await client.apply([configMap({})])).toBe(true);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'PATCH', 'PATCH']);
  });

  it('does not repeat a POST that may have been processed', async () => {
    server.fail({ method: 'POST', how: 'reset', times: 5 });
    await failure(client.request('POST', '/api/v1/namespaces/default/pods', {}));
    expect(server.requests).toHaveLength(1);
  });

  it('gives up at the deadline with the last answer', async () => {
    const hasty = await connect({ kubeconfig: server.kubeconfig(), timeoutMs: 250 });
    server.fail({
      times: 1000,
      how: { status: 500, reason: 'InternalError', message: 'etcdserver: no leader' },
    });
    const error = await failure(hasty.list('v1', 'Node'));
    expect(error.code).toBe('E_KUBE_API');
    expect(error.message).toBe('list nodes: InternalError: etcdserver: no leader');
  });

  it('times out on a server that never answers', async () => {
    const hasty = await connect({ kubeconfig: server.kubeconfig(), timeoutMs: 100 });
    server.fail({ times: 1000, how: 'hang' });
    const error = await failure(hasty.request('GET', '/version'));
    expect(error.code).toBe('E_TIMEOUT');
    expect(error.message).toContain(`no answer from ${server.endpoint}`);
  });

  it('says who may not do what', async () => {
    const weak = await connect({ kubeconfig: server.kubeconfig({ token: 'abcdef.0123456789abcdef' }) });
    server.tokens['abcdef.0123456789abcdef'] = 'bootstrap';
    const error = await failure(weak.list('v1', 'Node'));
    expect(error.message).toMatch(/^list nodes: Forbidden: User "system:bootstrap:abcdef"/);
    expect(error.hint).toContain('admin.conf');
    server.tokens = {};
    expect((await failure(weak.list('v1', 'Node'))).hint).toContain('check-expiration');
  });

  it('does not retry or trust a server of another authority', async () => {
    const other = createCertificate({ commonName: 'kubernetes', ca: true });
    const wrong = await connect({ kubeconfig: server.kubeconfig({ ca: other.cert }) });
    const error = await failure(wrong.list('v1', 'Node'));
    expect(error.message).toContain('not signed by the expected authority');
    expect(error.hint).toContain('x509');
    expect(server.requests).toHaveLength(0);
  });

  it('names refused connections', async () => {
    const { endpoint } = server;
    await server.close();
    const hasty = await connect({ kubeconfig: server.kubeconfig(), timeoutMs: 100 });
    const error = await failure(hasty.list('v1', 'Node'));
    expect(error.code).toBe('E_KUBE_API');
    expect(error.message).toContain(`connection refused by ${endpoint}`);
    server = await startApiServer();
  });

  it('stops at once when it is told to', async () => {
    server.fail({ times: 1000, how: 'hang' });
    const controller = new AbortController();
    const work = client.apply([configMap({})], { signal: controller.signal });
    controller.abort();
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('waitReady', () => {
  it('polls until the server is ready', async () => {
    server.ready = false;
    const wait = client.waitReady({ timeoutMs: 10_000 });
    while (server.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    server.ready = true;
    await wait;
  });

  it('names the failing health checks on a time-out', async () => {
    server.ready = false;
    const error = await failure(client.waitReady({ timeoutMs: 150 }));
    expect(error.code).toBe('E_TIMEOUT');
    expect(error.message).toContain('etcd failed: reason withheld');
    expect(error.message).toContain(server.endpoint);
  });

  it('waits for a server that does not listen yet, but not for a wrong certificate', async () => {
    const other = createCertificate({ commonName: 'kubernetes', ca: true });
    const wrong = await connect({ kubeconfig: server.kubeconfig({ ca: other.cert }) });
    expect((await failure(wrong.waitReady({ timeoutMs: 60_000 }))).hint).toContain('x509');
    const nobody = await connect({ kubeconfig: server.kubeconfig({ server: 'https://127.0.0.1:1' }) });
    expect((await failure(nobody.waitReady({ timeoutMs: 150 }))).code).toBe('E_TIMEOUT');
  });
});
