import { randomBytes, randomInt } from 'node:crypto';
import type { JoinSecrets } from './cluster-config.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const word = (length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A bootstrap token and a certificate key, in kubeadm's forms. */
export function joinSecrets(): JoinSecrets {
  return { token: `${word(6)}.${word(16)}`, certificateKey: randomBytes(32).toString('hex') };
}
