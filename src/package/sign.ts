import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { EdgeadmError } from '../errors.ts';

/** Base64 Ed25519 signature (RFC 8032) of a manifest's bytes. `pem` is a private key (PKCS #8). */
export function signManifest(manifest: Uint8Array, pem: string): string {
  return sign(null, manifest, readKey(pem, createPrivateKey, 'private')).toString('base64');
}

/** Whether `signature` (base64) of the manifest was made with the key whose public half is `pem`. */
export function manifestSignedBy(manifest: Uint8Array, signature: string, pem: string): boolean {
  return verify(null, manifest, readKey(pem, createPublicKey, 'public'), Buffer.from(signature, 'base64'));
}

function readKey(pem: string, read: (pem: string) => KeyObject, half: 'private' | 'public'): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read(pem);
  } catch {
    // The library's error may quote the key; it goes no further.
  }
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new EdgeadmError('E_PACKAGE_SIGNATURE', `the ${half} key is no Ed25519 key in PEM`, {
      hint: 'Make a pair with: openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub',
    });
  }
  return key;
}
