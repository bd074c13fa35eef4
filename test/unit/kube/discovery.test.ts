import http from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discoverByKubeconfig, discoverByToken, nodeState } from '../../../src/kube/discovery.ts';
import { DiscoveryError, describeSkew } from '../../../src/kube/discovery-error.ts';
import { type FakeApiServer, startApiServer } from '../../fakes/apiserver.ts';
import { createCertificate, expectedHash } from '../../fakes/pki.ts';

const token = 'abcdef.0123456789abcdef';
const day = 86_400_000;
let server: FakeApiServer;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await start();
  server.publishClusterInfo([token]);
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(...options: Parameters<typeof startApiServer>): Promise<FakeApiServer> {
  const started = await startApiServer(...options);
  closers.push(() => started.close());
  return started;
}

function find(change: Partial<Parameters<typeof discoverByToken>[0]> = {}) {
  return discoverByToken({
    endpoint: server.endpoint,
    token,
    caCertHashes: [expectedHash(server.ca)],
    timeoutMs: 5000,
    ...change,
  });
}

async function failure(work: Promise<unknown>): Promise<DiscoveryError> {
  const error = await work.then(
    () => expect.unreachable('it was found'),
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(DiscoveryError);
  expect(error.code).toBe('E_DISCOVERY');
  expect(error.hint).toBeTruthy();
  // Neither half that is secret nor the whole may show.
  expect(`${error.message}${error.hint}${error.details.join()}`).not.toContain('0123456789abcdef');
  return error;
}

describe('discoverByToken', () => {
  it('finds a cluster, asking twice: without trust, then with the pinned authority', async () => {
    const cluster = await find();
    expect(cluster).toMatchObject({ server: server.url, ca: server.ca.cert, kubernetesVersion: 'v1.36.3' });
    expect(Math.abs(cluster.clockSkewMs)).toBeLessThan(1500);
    expect(server.requests.map(({ path }) => path.split('/').at(-1))).toEqual([
      'cluster-info',
      'cluster-info',
      'version',
    ]);
    expect(server.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('takes one of several hashes, in any case, or none', async () => {
    await find({ caCertHashes: [`sha256:${'0'.repeat(64)}`, expectedHash(server.ca).toUpperCase()] });
    await find({ caCertHashes: [] });
  });

  it('shows both hashes when the authority is another', async () => {
    const wanted = `sha256:${'0'.repeat(64)}`;
    const error = await failure(find({ caCertHashes: [wanted] }));
    expect(error.reason).toBe('ca-hash');
    expect(error.message).toContain(wanted);
    expect(error.message).toContain(expectedHash(server.ca));
  });

  it('knows an unknown or expired token', async () => {
    const error = await failure(find({ token: 'zzzzzz.0123456789abcdef', timeoutMs: 300 }));
    expect(error.reason).toBe('token');
    expect(error.message).toContain('zzzzzz');
    expect(error.hint).toContain('token create');
  });

  it('waits for the signature of a token that was made just now', async () => {
    server.publishClusterInfo([]);
    const found = find();
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    server.publishClusterInfo([token]);
    await found;
  });

  it('knows a wrong secret', async () => {
    expect((await failure(find({ token: 'abcdef.fedcba9876543210' }))).reason).toBe('signature');
  });

  it('knows a cluster that signed something else than it serves', async () => {
    const map = server.get('/api/v1/namespaces/kube-public/configmaps/cluster-info')!;
    const data = map.data as Record<string, string>;
    server.put({ ...map, data: { ...data, kubeconfig: data.kubeconfig!.replace('127.0.0.1', '10.6.6.6') } });
    expect((await failure(find())).reason).toBe('signature');
  });

  it('does not trust a server whose certificate is not of the authority that it names', async () => {
    const other = createCertificate({ commonName: 'kubernetes', ca: true });
    server.publishClusterInfo([token], { ca: other.cert });
    const error = await failure(find({ caCertHashes: [expectedHash(other)] }));
    expect(error.reason).toBe('certificate');
    expect(error.hint).toContain('in between');
  });

  it('names the names of a certificate that is for others', async () => {
    server = await start({ certificate: { names: ['api.example', '10.0.0.1'] } });
    server.publishClusterInfo([token]);
    const error = await failure(find());
    expect(error.reason).toBe('certificate');
    expect(error.message).toContain('api.example');
    expect(error.hint).toContain('--apiserver-cert-extra-sans');
  });

  it('measures the clock of the API server, also when it fails', async () => {
    server.clockSkewMs = 3600_000;
    expect((await find()).clockSkewMs / 1000).toBeCloseTo(3600, -1);
    expect((await failure(find({ caCertHashes: ['sha256:0'] }))).clockSkewMs! / 1000).toBeCloseTo(3600, -1);
    server.clockSkewMs = 0;
    expect((await find({ now: () => Date.now() - day })).clockSkewMs / day).toBeCloseTo(1, 1);
  });

  it('blames the clock, not the certificate, when the clock is off', async () => {
    server = await start({
      certificate: { notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 3 * day) },
    });
    server.publishClusterInfo([token]);
    server.clockSkewMs = 2 * day;
    const error = await failure(find());
    expect(error.reason).toBe('clock');
    expect(error.message).toContain('2 days behind');
    server.clockSkewMs = 0;
    expect((await failure(find())).reason).toBe('certificate');
  });

  it('says when joining nodes may not read cluster-info, or there is none', async () => {
    server.anonymous = false;
    expect((await failure(find())).reason).toBe('anonymous');
    server.anonymous = true;
    server.store.objects.clear();
    const error = await failure(find());
    expect(error.reason).toBe('token');
    expect(error.message).toContain('no kube-public/cluster-info');
  });

  it('survives a control plane that is starting', async () => {
    server.fail({ how: { status: 503, reason: '', message: '', plain: 'no healthy upstream' } });
    server.fail({ how: 'reset' });
    await find();
  });

  it('stops at once when it is told to', async () => {
    server.fail({ times: 100, how: 'hang' });
    const controller = new AbortController();
    const work = find({ signal: controller.signal });
    controller.abort();
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('an address that is none', () => {
  async function listen(started: Server | http.Server): Promise<string> {
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    const sockets = new Set<Socket>();
    started.on('connection', (socket: Socket) => sockets.add(socket));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => started.close(() => resolve()));
    });
    return `127.0.0.1:${(started.address() as AddressInfo).port}`;
  }

  it('is refused', async () => {
    const endpoint = await listen(createServer());
    await closers.pop()!();
    const error = await failure(find({ endpoint, timeoutMs: 100 }));
    expect(error.reason).toBe('unreachable');
    expect(error.message).toContain(`connection refused by ${endpoint} (tried for 0.1 s)`);
  });

  it('does not resolve', async () => {
    const error = await failure(find({ endpoint: 'no-such-host.invalid:6443', timeoutMs: 100 }));
    expect(error.reason).toBe('unreachable');
    expect(error.message).toContain('no-such-host.invalid does not resolve');
  });

  it('never answers', async () => {
    const endpoint = await listen(createServer());
    const error = await failure(find({ endpoint, timeoutMs: 100 }));
    expect(error.message).toContain(`no answer from ${endpoint}`);
  });

  it('speaks plain HTTP', async () => {
    const endpoint = await listen(http.createServer((_, response) => response.end('hello')));
    expect((await failure(find({ endpoint, timeoutMs: 1000 }))).reason).toBe('not-kubernetes');
  });

  it('is another HTTPS server', async () => {
    server.fail({ how: { status: 404, reason: '', message: '', plain: '<html>nginx</html>' } });
    expect((await failure(find())).reason).toBe('not-kubernetes');
  });

  it('is not written as one', async () => {
    expect((await failure(find({ endpoint: 'a b:99999' }))).reason).toBe('malformed');
  });
});

describe('discoverByKubeconfig', () => {
  it('trusts the authority of the file, and clusters that keep cluster-info private', async () => {
    const file = server.kubeconfig({ anonymous: true });
    expect(await discoverByKubeconfig(file)).toMatchObject({ server: server.url, ca: server.ca.cert });
    server.anonymous = false;
    await discoverByKubeconfig(file);
  });

  it('refuses another authority', async () => {
    const other = createCertificate({ commonName: 'kubernetes', ca: true });
    expect((await failure(discoverByKubeconfig(server.kubeconfig({ ca: other.cert })))).reason).toBe(
      'certificate',
    );
  });

  it.each(['', 'clusters: []', 'a: [', 'clusters: [{cluster: {server: here}}]'])(
    'refuses the file "%s"',
    async (text) => {
      expect((await failure(discoverByKubeconfig(text))).reason).toBe('malformed');
    },
  );
});

describe('nodeState', () => {
  const cluster = () => ({ server: server.url, ca: server.ca.cert });
  const node = (ready: string) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'edge-1' },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  });

  it('says whether the name is taken', async () => {
    server.tokens[token] = 'bootstrap';
    expect(await nodeState(cluster(), 'edge-1', token)).toBe('absent');
    server.put(node('True'));
    expect(await nodeState(cluster(), 'edge-1', token)).toBe('ready');
    server.put(node('Unknown'));
    expect(await nodeState(cluster(), 'edge-1', token)).toBe('not-ready');
  });

  it('does not know what it may not see', async () => {
    expect(await nodeState(cluster(), 'edge-1', token)).toBe('unknown');
  });
});

describe('describeSkew', () => {
  it.each([
    [1000, "1 s behind the API server's"],
    [-90_000, "90 s ahead of the API server's"],
    [7_200_000, "2 h behind the API server's"],
    [-20_000 * day, "20000 days ahead of the API server's"],
  ])('%i', (skew, text) => {
    expect(describeSkew(skew)).toBe(text);
  });
});
