import https from 'node:https';
import { deadline, duration, pause } from './deadline.ts';
import { connectionFailure, DiscoveryError, trustFailure } from './discovery-error.ts';
import { exchange, type HttpsAnswer } from './https.ts';
import { networkFault } from './network-error.ts';

export interface DiscoveryOptions {
  /** For everything together. Default 60 000. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** The clock of the node that joins, in ms since 1970; default this process's. */
  now?: () => number;
}

const attemptTimeoutMs = 10_000;

/** One search: its deadline, and what its answers say of the clock. */
export function createSession(endpoint: string, options: DiscoveryOptions) {
  const until = deadline(options.timeoutMs ?? 60_000);
  const now = options.now ?? Date.now;
  let skewMs = 0;
  if (!URL.canParse(`https://${endpoint}`)) {
    throw new DiscoveryError('malformed', `"${endpoint}" is not an address of an API server`, {
      hint: 'It is written host:port.',
    });
  }

  async function once(target: string, tls: https.AgentOptions, token?: string): Promise<HttpsAnswer> {
    const sent = now();
    const answer = await exchange({
      url: new URL(target, `https://${endpoint}`),
      method: 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': 'edgeadm',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      agent: new https.Agent(tls),
      // The last try gets a second, so that it still says something.
      timeoutMs: Math.max(1000, Math.min(until.remainingMs(), attemptTimeoutMs)),
      signal: options.signal,
      maxBytes: 4 << 20,
    });
    const date = Date.parse(answer.headers.date ?? '');
    // The header has whole seconds, cut off: half a second is added for what is lost on average.
    if (!Number.isNaN(date)) skewMs = Math.round(date + 500 - (sent + now()) / 2);
    return answer;
  }

  /** Repeats what may be better a moment later, until the deadline. */
  async function get(
    target: string,
    tls: https.AgentOptions,
    failure: (error: unknown) => DiscoveryError,
    token?: string,
  ): Promise<HttpsAnswer> {
    let last: DiscoveryError | undefined;
    for (let wait = 200; ; wait = Math.min(wait * 2, 2000)) {
      try {
        const answer = await once(target, tls, token);
        if (answer.status !== 429 && answer.status < 500) return answer;
        last = new DiscoveryError(
          'unreachable',
          `the API server at ${endpoint} answers with HTTP ${answer.status}`,
          {
            hint: 'It is starting or overloaded, or a load balancer has no control plane behind it: see its log.',
          },
        );
      } catch (error) {
        options.signal?.throwIfAborted();
        const fault = networkFault(error, endpoint);
        last = failure(error);
        if (!fault.transient) throw last;
      }
      if (until.expired()) {
        throw new DiscoveryError(last!.reason, `${last!.message} (tried for ${duration(until.timeoutMs)})`, {
          hint: last!.hint!,
          cause: last!.cause,
        });
      }
      await pause(wait, until, options.signal);
    }
  }

  return {
    until,
    signal: options.signal,
    endpoint,
    skewMs: () => skewMs,
    untrusted: (target: string) =>
      get(target, { rejectUnauthorized: false }, (error) =>
        connectionFailure(networkFault(error, endpoint), endpoint, error),
      ),
    trusted: (target: string, ca: string | undefined, token?: string) =>
      get(
        target,
        ca ? { ca } : {},
        (error) => trustFailure(networkFault(error, endpoint), endpoint, skewMs, error),
        token,
      ),
    async version(ca: string | undefined): Promise<string | undefined> {
      try {
        const answer = await once('/version', ca ? { ca } : {});
        return (JSON.parse(answer.text) as { gitVersion?: string }).gitVersion;
      } catch {
        options.signal?.throwIfAborted();
        return undefined;
      }
    },
  };
}

export type Session = ReturnType<typeof createSession>;
