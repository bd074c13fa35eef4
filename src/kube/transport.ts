import http from 'node:http';
import https from 'node:https';
import pRetry from 'p-retry';
import { EdgeadmError } from '../errors.ts';
import { apiError, isTransient, KubeApiError, retryAfterMs } from './api-error.ts';
import { type Deadline, deadline, duration, pause } from './deadline.ts';
import { exchange, type HttpsAnswer } from './https.ts';
import type { Connection } from './kubeconfig.ts';
import { networkFault } from './network-error.ts';

export interface SendOptions {
  /** Verb and object for messages; default `METHOD path`. */
  what?: string;
  body?: unknown;
  /** Default application/json. */
  contentType?: string;
  /** Default application/json. */
  accept?: string;
  signal?: AbortSignal | undefined;
  /** For the request with all its retries; default the client's. */
  timeoutMs?: number;
  /** False: one try only. */
  retry?: boolean;
}

/** Sends requests to one API server. Errors: KubeApiError (E_KUBE_API), E_KUBE_API (connection), E_TIMEOUT. */
export interface Transport {
  /** `host:port` for messages. */
  readonly endpoint: string;
  /** Resolves with answers below 400 only. */
  send(method: string, path: string, options?: SendOptions): Promise<HttpsAnswer>;
}

/**
 * The same transport for a wait: each request ends with the wait's signal and deadline (but gets a second, so that the last
 * poll still says something), and after `timeoutMs` at the latest.
 */
export function boundedTransport(
  transport: Transport,
  until: Deadline,
  options: { timeoutMs: number; signal?: AbortSignal | undefined },
): Transport {
  return {
    endpoint: transport.endpoint,
    send: (method, path, request = {}) =>
      transport.send(method, path, {
        ...request,
        timeoutMs: Math.max(1000, Math.min(until.remainingMs(), options.timeoutMs)),
        signal: request.signal ?? options.signal,
      }),
  };
}

const attemptTimeoutMs = 30_000;

/** A failure that another try may mend, with the wait the server asked for. */
class TransientError extends Error {
  readonly error: EdgeadmError;
  readonly waitMs: number | undefined;
  constructor(error: EdgeadmError, waitMs?: number) {
    super(error.message);
    this.error = error;
    this.waitMs = waitMs;
  }
}

/** Retries refused and cut connections, 429 and 5xx until `timeoutMs`; a POST only when it was not processed. */
export function createTransport(connection: Connection, defaults: { timeoutMs: number }): Transport {
  const { server } = connection;
  const endpoint = server.port || server.hostname.includes(':') ? server.host : `${server.hostname}:443`;
  const agents = agentFor(connection);

  async function attempt(
    method: string,
    path: string,
    options: SendOptions,
    timeoutMs: number,
  ): Promise<HttpsAnswer> {
    const what = options.what ?? `${method} ${path}`;
    const headers: Record<string, string> = {
      accept: options.accept ?? 'application/json',
      'user-agent': 'edgeadm',
      ...(await connection.headers()),
    };
    if (options.body !== undefined) headers['content-type'] = options.contentType ?? 'application/json';
    const repeatable = method !== 'POST';
    let answer: HttpsAnswer;
    try {
      answer = await exchange({
        url: new URL(server.pathname.replace(/\/$/, '') + path, server),
        method,
        headers,
        agent: agents(),
        timeoutMs: Math.min(timeoutMs, attemptTimeoutMs),
        signal: options.signal,
        ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      });
    } catch (cause) {
      if (options.signal?.aborted) throw cause;
      const fault = networkFault(cause, endpoint);
      const error = connectionError(what, fault, connection, cause);
      const again = fault.transient && (repeatable || ['refused', 'dns', 'no-route'].includes(fault.kind));
      throw again ? new TransientError(error) : error;
    }
    if (answer.status < 400) return answer;
    const error = apiError(what, answer);
    const again = isTransient(error) && (repeatable || answer.status === 429);
    throw again ? new TransientError(error, retryAfterMs(answer)) : error;
  }

  async function send(method: string, path: string, options: SendOptions = {}): Promise<HttpsAnswer> {
    const until = deadline(options.timeoutMs ?? defaults.timeoutMs);
    let last: TransientError | undefined;
    try {
      return await pRetry(() => attempt(method, path, options, Math.max(1, until.remainingMs())), {
        retries: options.retry === false ? 0 : Number.POSITIVE_INFINITY,
        minTimeout: 100,
        maxTimeout: 2000,
        maxRetryTime: until.timeoutMs,
        randomize: true,
        signal: options.signal,
        shouldRetry: ({ error }) => error instanceof TransientError,
        onFailedAttempt: async ({ error, retriesLeft }) => {
          if (!(error instanceof TransientError)) return;
          // A last try that the deadline cut short says less than the one before it.
          if (last && until.expired() && error.error.code === 'E_TIMEOUT') throw last;
          last = error;
          if (error.waitMs && retriesLeft > 0) await pause(error.waitMs, until, options.signal);
        },
      });
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (options.retry === false || error.error instanceof KubeApiError) throw error.error;
      throw new EdgeadmError(
        error.error.code,
        `${error.error.message}, tried for ${duration(until.timeoutMs)}`,
        {
          ...(error.error.hint && { hint: error.error.hint }),
          cause: error.error.cause,
        },
      );
    }
  }

  return { endpoint, send };
}

function connectionError(
  what: string,
  fault: { kind: string; text: string },
  connection: Connection,
  cause: unknown,
): EdgeadmError {
  const hints: Record<string, string> = {
    untrusted: `The certificate authority in ${connection.source} is not the cluster's (x509): take a current kubeconfig from a control-plane node.`,
    'certificate-name':
      'Use one of these names, or add the one in use with --apiserver-cert-extra-sans and renew the apiserver certificate (x509).',
    'certificate-time':
      'Set the clock of this host, or renew the certificates with `edgeadm certs renew all` on the control plane (x509).',
    'client-certificate': `The client certificate in ${connection.source} is expired or of another cluster (x509): see \`edgeadm certs check-expiration\`.`,
    refused:
      'Is kube-apiserver running? `journalctl -u kubelet` and its log below /var/log/pods on the control plane say more.',
    dns: 'Check the name in the kubeconfig, and the name servers in /etc/resolv.conf.',
  };
  const hint =
    hints[fault.kind] ?? 'Check the network and the firewall between this host and the API server.';
  return new EdgeadmError(fault.kind === 'timeout' ? 'E_TIMEOUT' : 'E_KUBE_API', `${what}: ${fault.text}`, {
    hint,
    cause,
  });
}

/** One keep-alive agent per set of credentials: an exec plug-in may renew the client certificate. */
function agentFor(connection: Connection): () => http.Agent {
  const { server, tls, proxyUrl } = connection;
  if (server.protocol === 'http:') {
    const agent = new http.Agent({ keepAlive: true });
    return () => agent;
  }
  let agent: https.Agent | undefined;
  let cert: unknown;
  return () => {
    if (!agent || cert !== tls.cert) {
      cert = tls.cert;
      agent = new https.Agent({
        ...tls,
        keepAlive: true,
        ...(proxyUrl && { proxyEnv: { HTTPS_PROXY: proxyUrl } }),
      });
    }
    return agent;
  };
}
