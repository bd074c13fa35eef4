/**
 * Formats of what proves a node's right to join. None of these functions puts the value itself into its answer,
 * since it is a secret; a reason goes on from the name of the field: `… has 22 characters`.
 */

/** k8s.io/cluster-bootstrap/token/api: BootstrapTokenPattern. */
export function tokenFault(token: string): string | undefined {
  if (/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(token)) return undefined;
  if (token.includes('<')) return 'still is a placeholder';
  if (!token.includes('.')) return `has no dot; a token is 6 characters, a dot and 16 characters`;
  const [id = '', secret = '', ...rest] = token.split('.');
  if (rest.length > 0) return 'has more than one dot';
  if (id.length !== 6) return `has ${id.length} characters before its dot instead of 6`;
  if (secret.length !== 16) return `has ${secret.length} characters after its dot instead of 16`;
  return 'has characters other than lower-case letters and digits';
}

/** `sha256:` and 64 hex digits: the hash of a CA's public key (RFC 7469, Subject Public Key Info). */
export function caHashFault(hash: string): string | undefined {
  if (/^sha256:[0-9a-f]{64}$/i.test(hash)) return undefined;
  if (hash.includes('<')) return 'still is a placeholder';
  const at = hash.indexOf(':');
  if (at < 0) return 'does not start with sha256:';
  if (hash.slice(0, at).toLowerCase() !== 'sha256')
    return `is a ${hash.slice(0, at)} hash; only sha256 is known`;
  const digits = hash.slice(at + 1);
  if (digits.length !== 64) return `has ${digits.length} characters after sha256: instead of 64`;
  return 'has characters that are not hex digits';
}

/** 64 hex digits: an AES key of 32 bytes. */
export function certificateKeyFault(key: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(key)) return undefined;
  if (key.includes('<')) return 'still is a placeholder';
  if (key.length !== 64) return `has ${key.length} characters instead of 64`;
  return 'has characters that are not hex digits';
}
