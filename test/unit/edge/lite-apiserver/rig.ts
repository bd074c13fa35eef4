import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { toConfig } from '../../../../src/edge/lite-apiserver/config.ts';
import type { ResponseFilter } from '../../../../src/edge/lite-apiserver/filters/chain.ts';
import { type LiteApiserver, startLiteApiserver } from '../../../../src/edge/lite-apiserver/index.ts';
import type { Event } from '../../../../src/workflow/events.ts';
import { type Authority, createCertificate } from '../../../fakes/pki.ts';
import { UpstreamApiserver } from '../../../fakes/upstream-apiserver.ts';

export const nodeName = 'edge-1';

// Certificates, processes and TLS take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any form
  json: any;
}

export interface RequestOptions {
  method?: string;
  as?: 'node' | 'nobody' | { token: string } | { cert: string; key: string; token?: string };
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** A watch that is open: what came so far, and waiting for more. */
export interface OpenWatch {
  status: number;
  events: { type: string; object: { metadata: Record<string, never>; [field: string]: unknown } }[];
  ended: boolean;
  until(condition: (watch: OpenWatch) => boolean): Promise<void>;
  close(): void;
}

/** A fake API server and a real proxy before it, on loopback, with certificates of their own. */
export class Rig {
  readonly directory: string;
  readonly authority: Authority;
  readonly kubelet: Authority;
  readonly upstream: UpstreamApiserver;
  readonly events: Event[] = [];
  proxy!: LiteApiserver;
  private readonly agent = new https.Agent({ keepAlive: false });

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'lite-apiserver-'));
    this.authority = createCertificate({ commonName: 'cluster-ca', ca: true });
    const issue = (commonName: string, organization?: string) =>
      createCertificate({
        commonName,
        ...(organization ? { organization } : {}),
        names: ['127.0.0.1'],
        issuer: this.authority,
      });
    this.kubelet = issue(`system:node:${nodeName}`, 'system:nodes');
    this.upstream = new UpstreamApiserver(issue('kube-apiserver'), this.authority.cert);
    this.write('ca.crt', this.authority.cert);
    this.write('kubelet.pem', this.kubelet.cert + this.kubelet.key);
    const serving = issue(`system:node:${nodeName}`, 'system:nodes');
    this.write('serving.crt', serving.cert);
    this.write('serving.key', serving.key);
  }

  write(name: string, content: string): string {
    const file = join(this.directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  config(more: Record<string, unknown> = {}) {
    return toConfig({
      nodeName,
      upstream: {
        servers: [this.upstream.url],
        caFile: join(this.directory, 'ca.crt'),
        clientCertificateFile: join(this.directory, 'kubelet.pem'),
      },
      listen: { addresses: ['127.0.0.1:0'] },
      serving: {
        certificateFile: join(this.directory, 'serving.crt'),
        keyFile: join(this.directory, 'serving.key'),
      },
      cache: { directory: join(this.directory, 'cache'), flushIntervalMs: 20 },
      link: { probeIntervalMs: 100, probeTimeoutMs: 5000, resumeJitterMs: 20 },
      statusSocket: '',
      ...more,
    });
  }

  async start(more: Record<string, unknown> = {}, filters: readonly ResponseFilter[] = []): Promise<void> {
    this.proxy = await startLiteApiserver(this.config(more), {
      emit: (event) => this.events.push(event),
      filters,
    });
    await this.proxy.listening;
    await this.proxy.context.link.ready;
  }

  async restart(more: Record<string, unknown> = {}): Promise<void> {
    await this.proxy.stop();
    await this.start(more);
  }

  get port(): number {
    return this.proxy.listeners.bound[0]?.port ?? 0;
  }

  async goOffline(): Promise<void> {
    await this.upstream.refuse();
    await until(() => !this.proxy.context.link.online);
  }

  async goOnline(): Promise<void> {
    await this.upstream.heal();
    await until(() => this.proxy.context.link.online);
  }

  private open(path: string, options: RequestOptions) {
    const { as = 'node', method = 'GET', headers = {}, body } = options;
    const certificate =
      as === 'node' ? this.kubelet : typeof as === 'object' && 'cert' in as ? as : undefined;
    const token = typeof as === 'object' && 'token' in as ? as.token : undefined;
    return https.request({
      host: '127.0.0.1',
      port: this.port,
      path,
      method,
      ca: this.authority.cert,
      agent: this.agent,
      headers: {
        accept: 'application/json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'content-length': Buffer.byteLength(body) } : {}),
        ...headers,
      },
      ...(certificate ? { cert: certificate.cert, key: certificate.key } : {}),
    });
  }

  fetch(path: string, options: RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = this.open(path, options);
      sent.once('error', reject);
      sent.once('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          let json: unknown;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json });
        });
      });
      sent.end(options.body);
    });
  }

  watch(path: string, options: RequestOptions = {}): Promise<OpenWatch> {
    return new Promise((resolve, reject) => {
      const sent = this.open(path, options);
      sent.once('error', reject);
      sent.once('response', (answer) => {
        const watch: OpenWatch = {
          status: answer.statusCode ?? 0,
          events: [],
          ended: false,
          until: (condition) => until(() => condition(watch)),
          close: () => sent.destroy(),
        };
        let rest = '';
        answer.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk.toString()).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) watch.events.push(JSON.parse(line));
        });
        answer.on('error', () => {});
        answer.once('close', () => {
          watch.ended = true;
        });
        resolve(watch);
      });
      sent.end();
    });
  }

  async stop(): Promise<void> {
    await this.proxy?.stop();
    await this.upstream.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A running rig that is taken down with the test. */
export async function rig(
  more: Record<string, unknown> = {},
  filters: readonly ResponseFilter[] = [],
): Promise<Rig> {
  const made = new Rig();
  onTestFinished(() => made.stop());
  await made.upstream.start();
  await made.start(more, filters);
  await until(() => made.proxy.context.link.online);
  return made;
}

/** Waits until so many collections are complete. */
export function settled(r: Rig, collections: number): Promise<void> {
  return until(
    () => [...r.proxy.context.store.collections].filter(({ complete }) => complete).length >= collections,
  );
}

/** Polls until the condition holds; the deadline is for a test that fails. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function pod(name: string, more: Record<string, unknown> = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName, restartPolicy: 'Always' },
    status: { phase: 'Running' },
    ...more,
  };
}

export const podsOfNode = `/api/v1/pods?fieldSelector=spec.nodeName%3D${nodeName}`;
export const watchList =
  'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=300';
