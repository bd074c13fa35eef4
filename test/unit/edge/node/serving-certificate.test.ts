import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCertificateRequest } from '../../../../src/edge/controller/kubelet-serving/pkcs10.ts';
import { readAsked } from '../../../../src/edge/controller/kubelet-serving/request-rules.ts';
import type { Send } from '../../../../src/edge/node/request.ts';
import { dueAt } from '../../../../src/edge/node/serving-certificate/due.ts';
import { orderCertificate } from '../../../../src/edge/node/serving-certificate/order.ts';
import { createNodeRequest } from '../../../../src/edge/node/serving-certificate/request.ts';
import { createCertificate } from '../../../fakes/pki.ts';

const names = {
  dns: ['kubernetes', 'kubernetes.default.svc.cluster.local'],
  ip: ['169.254.20.11', '127.0.0.1', 'fd00::1'],
};

describe('the request', () => {
  it('is one that the approver reads, with exactly these names', () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const request = createNodeRequest('edge-1', names, pair);
    expect(parseCertificateRequest(request)).toMatchObject({
      keyAlgorithm: 'other',
      sans: { dns: names.dns, ip: names.ip, email: [], uri: [] },
    });
  });
});

/** An API server that has one request, which `decide` finishes. */
function apiServer(decide: (polls: number) => object | undefined) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  let polls = 0;
  const send: Send = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    asked.push({ method, path, body });
    const metadata = { name: 'edgeadm-lite-apiserver-x1' };
    if (method === 'POST') return { metadata } as T;
    return { metadata, status: decide(++polls) } as T;
  };
  return { send, asked };
}

const order = (send: Send, more = {}) => ({
  nodeName: 'edge-1',
  names,
  send,
  signal: new AbortController().signal,
  timeoutMs: 60_000,
  pollMs: 1,
  onSent() {},
  ...more,
});

describe('an order', () => {
  it("is what the approver's rules want, and ends with certificate and key in one text", async () => {
    const { cert } = createCertificate({ commonName: 'system:node:edge-1' });
    const { send, asked } = apiServer((polls) =>
      polls < 3 ? {} : { certificate: Buffer.from(cert).toString('base64') },
    );
    const pem = await orderCertificate(order(send));
    expect(pem.startsWith(cert.trimEnd())).toBe(true);
    expect(pem).toMatch(/-----BEGIN PRIVATE KEY-----/);
    const { spec } = asked[0]!.body as { spec: Parameters<typeof readAsked>[0]['spec'] };
    // The API server adds who asks.
    const csr = { spec: { ...spec, username: 'system:node:edge-1', groups: ['system:nodes'] } };
    expect(readAsked(csr as Parameters<typeof readAsked>[0])).toEqual({
      nodeName: 'edge-1',
      dns: names.dns,
      ip: names.ip,
    });
    expect(JSON.stringify(asked)).not.toContain('PRIVATE');
  });

  it('says why it was denied', async () => {
    const { send } = apiServer(() => ({
      conditions: [{ type: 'Denied', reason: 'Policy', message: 'not here' }],
    }));
    await expect(orderCertificate(order(send))).rejects.toThrow(/x1 was refused: Policy not here/);
  });

  it('ends when nobody approves it', async () => {
    const { send } = apiServer(() => ({}));
    await expect(orderCertificate(order(send, { timeoutMs: 20 }))).rejects.toThrow(/not approved/);
  });

  it('ends with the process', async () => {
    const { send } = apiServer(() => ({}));
    const stop = new AbortController();
    const ordered = orderCertificate(order(send, { signal: stop.signal }));
    stop.abort();
    await expect(ordered).rejects.toThrow();
  });
});

describe('a certificate is due', () => {
  const ca = createCertificate({ commonName: 'ca', ca: true });
  const issue = (more = {}) =>
    createCertificate({
      commonName: 'system:node:edge-1',
      names: ['kubernetes', '127.0.0.1'],
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2026-04-11T00:00:00Z'),
      issuer: ca,
      ...more,
    });
  const wanted = { dns: ['kubernetes'], ip: ['127.0.0.1'] };

  it('in the last part of its life, not at the same time for all', () => {
    const { cert } = issue();
    const { validFrom } = new X509Certificate(cert);
    const day = 86_400_000;
    expect((dueAt(cert, wanted, ca.cert, 0) - Date.parse(validFrom)) / day).toBeCloseTo(70);
    expect((dueAt(cert, wanted, ca.cert, 1) - Date.parse(validFrom)) / day).toBeCloseTo(90);
  });

  it('at once when it lacks a name or an address', () => {
    const { cert } = issue();
    expect(dueAt(cert, { dns: ['kubernetes.default'], ip: [] }, ca.cert, 0)).toBe(0);
    expect(dueAt(cert, { dns: [], ip: ['10.96.0.1'] }, ca.cert, 0)).toBe(0);
  });

  it("at once when the cluster's CA is another one", () => {
    const other = createCertificate({ commonName: 'ca', ca: true });
    expect(dueAt(issue().cert, wanted, other.cert, 0)).toBe(0);
    expect(dueAt(issue().cert, wanted, other.cert + ca.cert, 0)).toBeGreaterThan(0);
  });
});
