import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The detached signature (RFC 7515, appendix F) that kubeadm clusters put over cluster-info's kubeconfig: HS256 with the secret
 * half of a bootstrap token. Source: k8s.io/cluster-bootstrap/token/jws.
 */
export function detachedSignature(content: string, token: string): string {
  const { id, secret } = split(token);
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  return `${header}..${mac(header, content, secret).toString('base64url')}`;
}

/** Whether `jws` is a signature of `content` by `token`: algorithm and key id are checked before the signature. */
export function signatureIsValid(jws: string, content: string, token: string): boolean {
  const { id, secret } = split(token);
  const [header = '', payload, signature = '', ...rest] = jws.split('.');
  if (payload !== '' || rest.length > 0 || secret === '') return false;
  let fields: { alg?: unknown; kid?: unknown };
  try {
    fields = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch {
    return false;
  }
  if (fields?.alg !== 'HS256' || fields.kid !== id) return false;
  const given = Buffer.from(signature, 'base64url');
  const expected = mac(header, content, secret);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const base64url = (text: string) => Buffer.from(text, 'utf8').toString('base64url');

function mac(header: string, content: string, secret: string): Buffer {
  return createHmac('sha256', secret)
    .update(`${header}.${base64url(content)}`)
    .digest();
}

function split(token: string): { id: string; secret: string } {
  const [id = '', secret = ''] = token.split('.');
  return { id, secret };
}
