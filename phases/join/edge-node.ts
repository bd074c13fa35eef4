import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Unmet } from '../../src/workflow/phase.ts';
import type { JoinContext } from './context.ts';

export const notAnEdgeNode = 'not an edge node';

/** For phases that act as the node: this host has joined, and its kubelet has a certificate. */
export async function requiresKubeletCertificate({ host }: JoinContext): Promise<Unmet | undefined> {
  if (host.dryRun) return undefined;
  const needed = [paths.kubeletConf, join(paths.kubelet, 'pki/kubelet-client-current.pem')];
  for (const path of needed) {
    if (await host.stat(path)) continue;
    return {
      reason: `${path} is not there: this host has not joined`,
      hint: 'Run `edgeadm join` first.',
    };
  }
  return undefined;
}

/** The end of a unit's log, for the details of an error. */
export async function lastLines({ host }: JoinContext, unit: string): Promise<string[]> {
  const args = ['--unit', unit, '--lines', '10', '--no-pager', '--output', 'cat'];
  const { stdout } = await host
    .query({ file: 'journalctl', args, timeoutMs: 10_000 }, { allowFailure: true })
    .catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter(Boolean);
}
