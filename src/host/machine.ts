import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { EdgeadmError } from '../errors.ts';

/** Bit of CAP_SYS_RESOURCE in a capability set (linux/capability.h). */
const CAP_SYS_RESOURCE = 24n;

/** Reads a file of the machine; undefined when it is not there. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/**
 * What this machine is, as far as configuration depends on it. The host name is lower-case, as kubeadm makes it
 * (k8s.io/kubernetes/cmd/kubeadm/app/util/apiclient). Errors: E_PREFLIGHT for a processor
 * that there are no packages for.
 */
export async function machineFacts(
  read: ReadFile = readLocal,
  name: string = hostname(),
  processor: string = process.arch,
): Promise<{
  hostname: string;
  arch: 'amd64' | 'arm64';
  cgroupVersion: 1 | 2;
  canLowerOomScore: boolean;
  canSetConntrackMax: boolean;
}> {
  const [controllers, status, canSetConntrackMax] = await Promise.all([
    read('/sys/fs/cgroup/cgroup.controllers'),
    read('/proc/self/status'),
    isWritable('/proc/sys/net/netfilter/nf_conntrack_max'),
  ]);
  return {
    hostname: name.trim().toLowerCase(),
    arch: goArch(processor),
    // Only the root of a unified hierarchy mounted there has this file; on a hybrid machine v1 is in charge.
    cgroupVersion: controllers === undefined ? 1 : 2,
    canLowerOomScore: hasCapability(status ?? '', CAP_SYS_RESOURCE),
    canSetConntrackMax,
  };
}

/** False only where the kernel says so (a network namespace that is not the machine's), not where there is no such file yet. */
async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

function goArch(processor: string): 'amd64' | 'arm64' {
  if (processor === 'x64') return 'amd64';
  if (processor === 'arm64') return 'arm64';
  throw new EdgeadmError('E_PREFLIGHT', `this machine's processor "${processor}" is not supported`, {
    hint: 'Install packages are made for amd64 and arm64.',
  });
}

/** Whether the effective set of a `/proc/PID/status` text has a capability. */
function hasCapability(status: string, bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}

async function readLocal(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}
