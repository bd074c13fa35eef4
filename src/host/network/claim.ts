import type { NetworkClaim } from '../host.ts';
import { type Seam, unchanged } from '../seam.ts';
import { readNetwork } from './snapshot.ts';

export interface NetworkBefore {
  /** SHA-256 of the Snapshot among the backups. */
  snapshot: string;
}

/** Records the network before Kubernetes changes it; see Host.claimNetwork. A later call can add to what is claimed. */
export async function claimNetwork(seam: Seam, claim: NetworkClaim): Promise<boolean> {
  const key = 'network';
  if (seam.dryRun) return false;
  const entry = seam.journal.entry(key);
  const after = merge((entry?.after ?? {}) as NetworkClaim, claim);
  if (entry && JSON.stringify(entry.after) === JSON.stringify(after)) return unchanged(seam, key);
  const before: NetworkBefore | undefined = entry
    ? undefined
    : { snapshot: await seam.backups.keepJson(await readNetwork(seam)) };
  await seam.journal.intend({ kind: 'network', key, before, after });
  await seam.journal.done(key);
  return true;
}

function merge(old: NetworkClaim, more: NetworkClaim): Required<NetworkClaim> {
  const union = (a: readonly string[] = [], b: readonly string[] = []) => [...new Set([...a, ...b])].sort();
  return {
    podSubnets: union(old.podSubnets, more.podSubnets),
    addresses: union(old.addresses, more.addresses),
  };
}
