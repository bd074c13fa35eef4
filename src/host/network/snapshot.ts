import fs from 'node:fs/promises';
import type { Seam } from '../seam.ts';
import { isMountPoint } from '../tree/mounts.ts';
import { optional, readTables } from './backends.ts';
import type { Tables } from './iptables.ts';
import { type Links, readLinks } from './links.ts';
import { type Ruleset, readRuleset } from './nft.ts';

/** Where `ip netns` and containerd keep network namespaces. */
export const namespaceDirectory = '/run/netns';

/** All that undo needs to know of a host's network before Kubernetes came. */
export interface Snapshot extends Links {
  iptables: Record<string, Tables>;
  nft: Ruleset | undefined;
  /** IPVS had services. */
  ipvs: boolean;
  ipsets: string[];
  namespaces: string[];
  namespaceDirectory: { exists: boolean; mounted: boolean };
}

export async function readNetwork(seam: Seam): Promise<Snapshot> {
  const [links, iptables, nft, ipvs, ipsets, namespaces] = await Promise.all([
    readLinks(seam),
    readTables(seam),
    readRuleset(seam),
    hasIpvsServices(),
    readIpsets(seam),
    fs.readdir(namespaceDirectory).catch(() => undefined),
  ]);
  return {
    ...links,
    iptables,
    nft,
    ipvs,
    ipsets,
    namespaces: namespaces ?? [],
    namespaceDirectory: { exists: namespaces !== undefined, mounted: await isMountPoint(namespaceDirectory) },
  };
}

export async function hasIpvsServices(): Promise<boolean> {
  const text = await fs.readFile('/proc/self/net/ip_vs', 'utf8').catch(() => '');
  return text.split('\n').some((line) => /^(TCP|UDP|SCTP|FWM)\s/.test(line));
}

export async function readIpsets(seam: Seam): Promise<string[]> {
  const result = await optional(seam, 'ipset', ['list', '-n']);
  return result?.exitCode === 0 ? result.stdout.split('\n').filter(Boolean) : [];
}
