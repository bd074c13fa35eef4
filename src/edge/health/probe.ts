import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import { publicKeyOf } from '../lite-apiserver/serve/certificates.ts';
import type { Peer } from './protocol.ts';
import type { HealthAnswer } from './server.ts';

/**
 * - `answered`: somebody with the peer's own certificate; `online` is what it says of its link, if it does.
 * - `silent`: nobody.
 * - `unproven`: somebody, but not with the peer's certificate. Neither a sign of life, which a pod could forge, nor of
 *   death, which a certificate that nobody can renew offline would give.
 */
export type Outcome =
  | { result: 'answered'; online: boolean | undefined }
  | { result: 'silent' }
  | { result: 'unproven'; why: string };

type Answer = Exclude<Outcome, { result: 'answered' }> | ({ result: 'answered' } & Said);
interface Said {
  online: boolean | undefined;
  kubelet?: boolean | undefined;
}
const nothing: Said = { online: undefined };

export interface ProbeOptions {
  /** Port of the health part; the same on all nodes. */
  port: number;
  /** PEM of the cluster CA. */
  authority(): string | undefined;
  timeoutMs: number;
  /** Port of the kubelet; it is asked when the health part does not answer. */
  kubeletPort?: number;
}

const maxBodyBytes = 4096;
const timeProblems = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/**
 * Asks one peer whether it lives: first its health part, which also knows whether it reaches the cloud, then its
 * kubelet. Both prove with a certificate of the cluster CA that they are `system:node:<peer>` (kubernetes.io/kubelet-serving).
 * What is said is not secret, and nobody needs to show who asks.
 */
export class Probe {
  readonly peer: Peer;
  private readonly options: ProbeOptions;
  private agent: https.Agent | undefined;
  private authority: string | undefined;
  /** Public key of the last certificate that was good in every way. */
  private knownKey: string | undefined;

  constructor(peer: Peer, options: ProbeOptions) {
    this.peer = peer;
    this.options = options;
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<Outcome> {
    const { port, kubeletPort = 10250 } = this.options;
    const first = await this.ask(port, '/healthz', true, signal);
    if ((first.result === 'answered' && first.kubelet !== false) || signal.aborted) return first;
    const second = await this.ask(kubeletPort, '/healthz', false, signal);
    if (second.result === 'answered') return { result: 'answered', online: undefined };
    if (second.result === 'unproven') return second;
    // A node without a kubelet is as good as none, to the cloud as well.
    return first.result === 'answered' ? { result: 'silent' } : first;
  }

  close(): void {
    this.agent?.destroy();
    this.agent = undefined;
  }

  private async ask(port: number, path: string, kept: boolean, signal: AbortSignal): Promise<Answer> {
    const { timeoutMs } = this.options;
    const ca = this.options.authority();
    if (ca === undefined) return { result: 'unproven', why: 'there is no CA to prove it with' };
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        https
          .get({
            host: this.peer.address,
            port,
            path,
            agent: kept ? this.keptAgent(ca) : false,
            ca,
            // Judged below, as a certificate out of its time may be good enough.
            rejectUnauthorized: false,
            checkServerIdentity: () => undefined,
            signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          })
          .on('response', resolve)
          .on('error', reject);
      });
      const why = this.doubt(answer.socket as TLSSocket);
      const text = await shortText(answer);
      if (why !== undefined) return { result: 'unproven', why };
      return { result: 'answered', ...(answer.statusCode === 200 ? read(text) : nothing) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPROTO' || code?.startsWith('ERR_SSL')) return { result: 'unproven', why: code };
      return { result: 'silent' };
    }
  }

  private keptAgent(ca: string): https.Agent {
    if (ca !== this.authority) this.close();
    this.authority = ca;
    // No resumed sessions: what is judged is the certificate of the handshake.
    this.agent ??= new https.Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
    return this.agent;
  }

  /** Why it is not proven to be the peer; undefined when it is. */
  private doubt(socket: TLSSocket): string | undefined {
    const certificate = socket.getPeerX509Certificate?.();
    if (!certificate) return 'it shows no certificate';
    const { CN, O } = certificate.toLegacyObject().subject as unknown as Record<string, unknown>;
    if (CN !== `system:node:${this.peer.name}` || O !== 'system:nodes') return `it is ${CN}`;
    const key = publicKeyOf(certificate);
    if (socket.authorized) {
      this.knownKey = key;
      return undefined;
    }
    const problem = String(socket.authorizationError);
    // Offline nobody can renew it; the key was proven in the handshake.
    return timeProblems.has(problem) && key === this.knownKey ? undefined : problem;
  }
}

async function shortText(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) {
    text += chunk;
    if (text.length > maxBodyBytes) {
      answer.destroy();
      return '';
    }
  }
  return text;
}

function read(text: string): Said {
  const flag = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
  try {
    const { online, kubelet } = JSON.parse(text) as Partial<Record<keyof HealthAnswer, unknown>>;
    return { online: flag(online), kubelet: flag(kubelet) };
  } catch {
    return nothing;
  }
}
