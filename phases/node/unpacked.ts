import { join } from 'node:path';
import type { Host } from '../../src/host/host.ts';
import type { NodeRole } from '../context.ts';
import { bootId } from './durable.ts';

const fact = 'package';

/** What a host remembers of the package that was unpacked on it. */
export interface Unpacked {
  /** SHA-256 of its manifest, hex. */
  digest: string;
  root: string;
  /** Where it came from, as the user wrote it. */
  location: string;
  /** Only the images of a node of this role were unpacked; else all of them. */
  role?: NodeRole;
  /** Unpacked in this boot, and not on the disk for sure. */
  boot?: string;
}

export function recallUnpacked(host: Pick<Host, 'recall'>): Unpacked | undefined {
  return host.recall<Unpacked>(fact);
}

export async function rememberUnpacked(host: Host, unpacked: Omit<Unpacked, 'boot'>): Promise<void> {
  await host.remember(fact, { ...unpacked, boot: await bootId(host) } satisfies Unpacked);
}

/** Called when the file system of the package was synced. */
export async function unpackedIsOnDisk(host: Host): Promise<void> {
  const unpacked = recallUnpacked(host);
  if (unpacked?.boot === undefined) return;
  const { boot: _, ...rest } = unpacked;
  await host.remember(fact, rest);
}

/** Whether the package is there, has what this role needs, and no power cut can have damaged it. */
export async function isUsable(host: Host, unpacked: Unpacked, role: NodeRole): Promise<boolean> {
  if (unpacked.role !== undefined && unpacked.role !== role) return false;
  if (unpacked.boot !== undefined && unpacked.boot !== (await bootId(host))) return false;
  return (await host.stat(join(unpacked.root, 'manifest.json'))) !== undefined;
}
