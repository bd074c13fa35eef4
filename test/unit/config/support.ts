import type { MachineFacts } from '../../../src/config/types.ts';
import { type EdgeadmError, toEdgeadmError } from '../../../src/errors.ts';

export const machine: MachineFacts = {
  hostname: 'cp-1',
  arch: 'amd64',
  cgroupVersion: 2,
  canLowerOomScore: true,
  addresses: ['192.0.2.10/24', '2001:db8::10/64'],
};

export const kubeadm = 'apiVersion: kubeadm.k8s.io/v1beta4';

/** A file for `config`, as readConfigFile returns it. */
export const file = (text: string) => ({ text, path: 'cluster.yaml' });

/** The error that a call throws; fails when it throws none. */
export function errorOf(call: () => unknown): EdgeadmError {
  try {
    call();
  } catch (thrown) {
    return toEdgeadmError(thrown);
  }
  throw new Error('nothing was thrown');
}
