import fs from 'node:fs/promises';
import { EdgeadmError } from '../../errors.ts';
import type { NetworkClaim } from '../host.ts';
import type { Entry } from '../journal/journal.ts';
import type { Seam, UndoReport } from '../seam.ts';
import { isMountPoint } from '../tree/mounts.ts';
import { optional, readTables, restoreTables } from './backends.ts';
import type { NetworkBefore } from './claim.ts';
import { leftOver, planRestore } from './iptables.ts';
import { type Links, type Route, readLinks } from './links.ts';
import { isOwnIpset, isOwnLink, isOwnNamespace, podBridge } from './names.ts';
import { applyNft, planImplicit, planOwnTables, readRuleset } from './nft.ts';
import { hasIpvsServices, namespaceDirectory, readIpsets, type Snapshot } from './snapshot.ts';

/**
 * Removes what Kubernetes, kube-proxy, the CNI and flannel made since the claim: firewall rules first, then links (their
 * routes go with them), then namespaces. Each part is tried even when another fails.
 */
export async function undoNetwork(
  seam: Seam,
  entry: Entry,
  podSubnets: readonly string[],
  report: UndoReport,
): Promise<void> {
  const before = await seam.backups.readJson<Snapshot>((entry.before as NetworkBefore).snapshot);
  const claim = entry.after as NetworkClaim;
  const subnets = [...new Set([...(claim.podSubnets ?? []), ...podSubnets])];
  const failures: string[] = [];
  const parts: (() => Promise<void>)[] = [
    () => undoFirewall(seam, before),
    () => undoIpvs(seam, before, report),
    () => undoLinks(seam, before),
    () => undoRoutes(seam, before, subnets),
    () => undoAddresses(seam, before, claim.addresses ?? []),
    () => undoNamespaces(seam, before),
  ];
  for (const part of parts) await part().catch((error: Error) => failures.push(error.message));
  if (failures.length === 0) return;
  throw new EdgeadmError('E_HOST_WRITE', failures.join('; '), {
    hint: 'Does a kube-proxy or a CNI daemon still run? Stop it and run the same command again.',
  });
}

/** Pod networks that flannel knows of on this host; its file is gone once its tree is undone, so this is asked first. */
export async function flannelNetworks(seam: Seam): Promise<string[]> {
  const text = await fs.readFile(seam.view.real('/run/flannel/subnet.env'), 'utf8').catch(() => '');
  return [...text.matchAll(/^FLANNEL_(?:IPV6_)?NETWORK=(\S+)$/gm)].flatMap(
    ([, value]) => value?.split(',') ?? [],
  );
}

async function undoFirewall(seam: Seam, before: Snapshot): Promise<void> {
  const nft = await readRuleset(seam);
  if (nft) await applyNft(seam, planOwnTables(nft, before.nft));
  for (const [backend, tables] of Object.entries(await readTables(seam))) {
    const input = planRestore(tables, before.iptables[backend] ?? {});
    if (input !== '') await restoreTables(seam, backend, input);
  }
  const left = Object.entries(await readTables(seam)).flatMap(([backend, tables]) =>
    leftOver(tables, before.iptables[backend] ?? {}).map((chain) => `${backend} ${chain}`),
  );
  if (left.length > 0) throw new Error(`firewall chains came back: ${left.slice(0, 5).join(', ')}`);
  const then = before.nft && (await readRuleset(seam));
  if (then && before.nft) await applyNft(seam, planImplicit(then, before.nft));
}

async function undoIpvs(seam: Seam, before: Snapshot, report: UndoReport): Promise<void> {
  if (!before.ipvs && (await hasIpvsServices())) {
    const cleared = await optional(seam, 'ipvsadm', ['--clear']);
    if (cleared?.exitCode !== 0) report.warn('IPVS services are left: clear them with `ipvsadm --clear`');
  }
  for (const set of await readIpsets(seam)) {
    if (isOwnIpset(set) && !before.ipsets.includes(set))
      await seam.execute({ file: 'ipset', args: ['destroy', set] }, { level: 3 });
  }
}

async function undoLinks(seam: Seam, before: Links): Promise<void> {
  const were = new Set(before.links.map(({ name }) => name));
  const now = (await readLinks(seam)).links.filter(({ name }) => !were.has(name));
  const pods = now.filter(({ kind, master }) => kind === 'veth' && master === podBridge);
  for (const { name } of [...pods, ...now.filter((link) => isOwnLink(link.name))]) {
    await ip(seam, ['link', 'delete', 'dev', name], /Cannot find device/);
  }
}

/** flannel's host-gw backend leaves routes to other nodes' Pods on the host's own links. */
async function undoRoutes(seam: Seam, before: Links, subnets: readonly string[]): Promise<void> {
  if (subnets.length === 0) return;
  const { default: ipaddr } = await import('ipaddr.js');
  const inside = ({ dst }: Route): boolean => {
    if (!dst.includes('/')) return false;
    const [address, bits] = ipaddr.parseCIDR(dst);
    return subnets.some((subnet) => {
      if (!ipaddr.isValidCIDR(subnet)) return false;
      const [network, length] = ipaddr.parseCIDR(subnet);
      return network.kind() === address.kind() && bits >= length && address.match(network, length);
    });
  };
  const were = new Set(before.routes.map((route) => JSON.stringify(route)));
  for (const route of (await readLinks(seam)).routes) {
    if (route.gateway === undefined || were.has(JSON.stringify(route)) || !inside(route)) continue;
    const { family, dst, gateway, dev, table = 'main' } = route;
    const via = ['via', gateway, ...(dev === undefined ? [] : ['dev', dev])];
    await ip(seam, [`-${family}`, 'route', 'delete', dst, ...via, 'table', table], /No such process/);
  }
}

async function undoAddresses(seam: Seam, before: Links, claimed: readonly string[]): Promise<void> {
  if (claimed.length === 0) return;
  const were = new Set(before.addresses.map(({ local }) => local));
  for (const { link, local, prefix } of (await readLinks(seam)).addresses) {
    if (!claimed.includes(local) || were.has(local)) continue;
    await ip(
      seam,
      ['address', 'delete', `${local}/${prefix}`, 'dev', link],
      /Cannot assign requested address/,
    );
  }
}

async function undoNamespaces(seam: Seam, before: Snapshot): Promise<void> {
  const names = await fs.readdir(namespaceDirectory).catch(() => []);
  for (const name of names) {
    if (isOwnNamespace(name) && !before.namespaces.includes(name)) await ip(seam, ['netns', 'delete', name]);
  }
  const { exists, mounted } = before.namespaceDirectory;
  if ((await fs.readdir(namespaceDirectory).catch(() => ['?'])).length > 0) return;
  if (!mounted && (await isMountPoint(namespaceDirectory))) {
    await seam.execute({ file: 'umount', args: [namespaceDirectory] }, { allowFailure: true, level: 3 });
  }
  if (!exists) await fs.rmdir(namespaceDirectory).catch(() => {});
}

/** Runs `ip`; a failure that says the thing is gone already is none. */
async function ip(seam: Seam, args: string[], gone?: RegExp): Promise<void> {
  const result = await seam.execute({ file: 'ip', args }, { level: 3, allowFailure: true });
  if (result.exitCode === 0 || gone?.test(result.stderr)) return;
  throw new Error(`ip ${args.join(' ')}: ${result.stderr.trim()}`);
}
