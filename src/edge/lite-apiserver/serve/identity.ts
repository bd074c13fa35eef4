import { createHash, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Request } from '../http1/server-connection.ts';
import { publicKeyOf } from './certificates.ts';

/** Who asks. Its `identity` is the first part of every cache key: nobody is served what another one read. */
export type Caller =
  | { type: 'node'; identity: string; user: string }
  | { type: 'bearer'; identity: string; user: string; tokenHash: string };

/** Why a caller is nobody; the text is for the answer and says nothing secret. */
export interface Refusal {
  type: 'refused';
  message: string;
}

export interface NodeCredential {
  nodeName: string;
  /** Public key of the kubelet's certificate on disk; undefined when there is none. */
  publicKey: () => string | undefined;
}

interface Presented {
  user: string;
  isNode: boolean;
  trusted: boolean;
  problem: string;
  notBefore: number;
  notAfter: number;
  publicKey: string;
}

const presentedBy = new WeakMap<TLSSocket, Presented | null>();
/** What OpenSSL says of a certificate that is right but for the time. */
const timeProblems = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/**
 * The caller of a request. A client certificate counts only with exactly this node's name and group, verified against
 * the cluster CA; with any other certificate or none the bearer token does, and without a token the caller is refused.
 * Offline, a certificate outside its time counts when its key is the kubelet's on disk: the key was proven in the
 * handshake, and nobody can renew it while the cloud is away.
 */
export function identify(request: Request, node: NodeCredential, online: boolean): Caller | Refusal {
  const presented = certificateOf(request.socket as TLSSocket, node.nodeName);
  if (presented?.isNode) {
    const now = Date.now();
    const inTime = presented.notBefore <= now && now <= presented.notAfter;
    const ownKey = presented.publicKey === node.publicKey();
    if ((presented.trusted && inTime) || (!online && ownKey)) {
      return { type: 'node', identity: `node:${node.nodeName}`, user: presented.user };
    }
    if (!hasBearer(request)) {
      const problem = presented.trusted && !inTime ? 'it is outside its time' : presented.problem;
      return {
        type: 'refused',
        message: `the client certificate of ${presented.user} is not accepted: ${problem}`,
      };
    }
  }
  const token = bearerToken(request);
  if (token === undefined) {
    return {
      type: 'refused',
      message: 'neither a client certificate of this node nor a bearer token was given',
    };
  }
  return bearerCaller(token);
}

function certificateOf(socket: TLSSocket, nodeName: string): Presented | undefined {
  const known = presentedBy.get(socket);
  if (known !== undefined) return known ?? undefined;
  const certificate = socket.getPeerX509Certificate?.();
  const presented = certificate ? inspect(certificate, socket, nodeName) : null;
  presentedBy.set(socket, presented);
  return presented ?? undefined;
}

function inspect(certificate: X509Certificate, socket: TLSSocket, nodeName: string): Presented {
  const { CN, O } = certificate.toLegacyObject().subject as unknown as Record<
    string,
    string | string[] | undefined
  >;
  const problem = String(socket.authorizationError ?? '');
  return {
    user: typeof CN === 'string' ? CN : '',
    isNode: CN === `system:node:${nodeName}` && O === 'system:nodes',
    // Only the last problem is reported, so one of time could hide one of trust: then only the own key counts.
    trusted: socket.authorized,
    problem: timeProblems.has(problem) ? 'it is outside its time' : 'the cluster CA did not sign it',
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    publicKey: publicKeyOf(certificate),
  };
}

function hasBearer(request: Request): boolean {
  return bearerToken(request) !== undefined;
}

function bearerToken(request: Request): string | undefined {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(request.header('authorization') ?? '')?.[1];
}

/**
 * A service account keeps its identity when its token is rotated, so that its cache stays: issuer and subject of the
 * claims. They are not verified here: nothing is cached under them before the API server accepted the token, and nothing
 * is served offline but to tokens that it accepted.
 */
export function bearerCaller(token: string): Caller {
  const tokenHash = createHash('sha256').update(token).digest('hex');
  const { iss, sub } = claims(token);
  if (typeof iss === 'string' && typeof sub === 'string' && sub !== '') {
    const issuer = createHash('sha256').update(iss).digest('hex').slice(0, 12);
    return { type: 'bearer', identity: `user:${issuer}:${sub}`, user: sub, tokenHash };
  }
  return { type: 'bearer', identity: `token:${tokenHash}`, user: '', tokenHash };
}

/** Claims of a JWT, unverified; empty for any other token. */
export function claims(token: string): Record<string, unknown> {
  const parts = token.split('.');
  if (parts.length !== 3) return {};
  try {
    const payload: unknown = JSON.parse(Buffer.from(parts[1] as string, 'base64url').toString('utf8'));
    return typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
