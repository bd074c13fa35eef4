import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toConfig } from '../../../../src/edge/lite-apiserver/config.ts';
import type { NodePart, NodeProcess } from '../../../../src/edge/node/part.ts';
import { supervise } from '../../../../src/edge/node/run.ts';
import { servingCertificatePart } from '../../../../src/edge/node/serving-certificate/part.ts';
import { answerOf } from '../../../fakes/answer.ts';
import { createCertificate } from '../../../fakes/pki.ts';

const ca = createCertificate({ commonName: 'cluster-ca', ca: true });
const certificate = (more = {}) =>
  createCertificate({
    commonName: 'system:node:edge-1',
    organization: 'system:nodes',
    names: ['kubernetes', '127.0.0.1'],
    issuer: ca,
    ...more,
  });

/** A node's process whose API server signs every request that it is asked for, while the link is there. */
function nodeProcess({ online = true } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'edge-node-'));
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
    rmSync(directory, { recursive: true });
  });
  const caFile = join(directory, 'ca.crt');
  const certificateFile = join(directory, 'pki/serving.pem');
  writeFileSync(caFile, ca.cert);
  const link = Object.assign(new EventEmitter(), { online });
  const asked: string[] = [];
  const issued = certificate();
  const send = async ({ method, path, asNode }: { method: string; path: string; asNode: boolean }) => {
    expect(asNode).toBe(true);
    asked.push(`${method} ${path}`);
    const status = { certificate: Buffer.from(issued.cert).toString('base64') };
    const body = JSON.stringify({ metadata: { name: 'r1' }, ...(method === 'GET' && { status }) });
    return answerOf(method === 'POST' ? 201 : 200, body);
  };
  const config = toConfig({
    nodeName: 'edge-1',
    upstream: { servers: ['https://10.0.0.1:6443'], caFile },
    serving: { certificateFile, request: { names: ['kubernetes'], addresses: ['127.0.0.1'] } },
  });
  const told: string[] = [];
  const node = {
    config,
    proxy: { context: { link, transport: { send } } },
    signal: stop.signal,
    emit() {},
    log: (message: string) => told.push(message),
    warn: (message: string) => told.push(message),
  } as unknown as NodeProcess;
  return { node, link, asked, told, stop, certificateFile, issued };
}

describe('the serving certificate', () => {
  it('is ordered when there is none, and kept in one file for root alone', async () => {
    const { node, certificateFile, issued, stop, asked } = nodeProcess();
    const running = servingCertificatePart.run(node);
    const read = () => {
      try {
        return readFileSync(certificateFile, 'utf8');
      } catch {
        return '';
      }
    };
    await expect.poll(read, { timeout: 10_000 }).toContain(issued.cert.trimEnd());
    expect(read()).toContain('PRIVATE KEY');
    expect(statSync(certificateFile).mode & 0o777).toBe(0o600);
    const before = asked.length;
    stop.abort();
    await running;
    // One that is good is not ordered again.
    expect(asked).toHaveLength(before);
    expect(asked[0]).toBe('POST /apis/certificates.k8s.io/v1/certificatesigningrequests');
  });

  it('is not asked for while the cloud is away, and then is', async () => {
    const { node, link, asked } = nodeProcess({ online: false });
    servingCertificatePart.run(node).catch(() => {});
    await expect.poll(() => link.listenerCount('online')).toBe(1);
    expect(asked).toEqual([]);
    link.online = true;
    link.emit('online');
    await expect.poll(() => asked.length).toBeGreaterThan(0);
  });

  it("is left alone when it is somebody else's", async () => {
    const { node, asked } = nodeProcess();
    node.config.serving.request = undefined;
    await servingCertificatePart.run(node);
    expect(asked).toEqual([]);
  });
});

describe('a part', () => {
  const pauses = { firstMs: 1, longestMs: 4 };

  it('that fails is told and started again, until it ends by itself', async () => {
    const { node, told } = nodeProcess();
    let runs = 0;
    const part: NodePart = {
      name: 'health',
      async run() {
        if (++runs < 3) throw new Error('no socket');
      },
    };
    await supervise(part, node, pauses);
    expect(runs).toBe(3);
    expect(told).toEqual(['health: no socket; again in 1 s', 'health: no socket; again in 1 s']);
  });

  it('that fails as the process ends is not started again', async () => {
    const { node, stop, told } = nodeProcess();
    const part: NodePart = {
      name: 'health',
      async run() {
        stop.abort();
        throw new Error('cut');
      },
    };
    await supervise(part, node, pauses);
    expect(told).toEqual([]);
  });
});
