import { EdgeadmError } from '../errors.ts';
import type { Call } from './spec.ts';

/**
 * Refuses to begin without root, before anything is read or changed, as kubeadm's IsPrivilegedUser check does.
 * Errors: E_PREFLIGHT.
 */
export function requireRoot({ command, io, flags }: Call): void {
  const ignored = ((flags.ignorePreflightErrors as string[] | undefined) ?? []).map((name) =>
    name.toLowerCase(),
  );
  if (io.uid === 0 || ignored.includes('all') || ignored.includes('isprivilegeduser')) return;
  throw notRoot(command, io.uid);
}

export function notRoot(command: string, uid: number): EdgeadmError {
  return new EdgeadmError('E_PREFLIGHT', `"edgeadm ${command}" must run as root; this is user ${uid}`, {
    hint: `Run \`sudo edgeadm ${command} …\`.`,
    details: ['[ERROR IsPrivilegedUser]: user is not running as root'],
  });
}
