/**
 * What a node looks like from outside, as far as `edgeadm reset` must restore it. Sets are sorted lists; the values of
 * records are descriptions to compare and to read.
 */
export interface Snapshot {
  /** By path: type, mode, owner, and content (size and SHA-256) or link target. */
  files: Record<string, string>;
  /** State of unit files: enabled, disabled, static, masked… */
  unitFiles: Record<string, string>;
  /** Units that are active, activating or failed. */
  units: Record<string, string>;
  /** Of the node's network namespace, and the few of the machine that Kubernetes sets. */
  sysctls: Record<string, string>;
  links: Record<string, string>;
  addresses: string[];
  routes: string[];
  rules: string[];
  /** By tool: iptables-nft, ip6tables-nft, iptables-legacy, ip6tables-legacy, nft; without counters. */
  firewall: Record<string, string>;
  mounts: string[];
  /** Names of processes. */
  processes: string[];
}

/**
 * What is no part of a snapshot: what the kernel, systemd and their logs change by themselves. Each is a regular
 * expression that a path must match.
 */
export const excludedPaths: readonly string[] = [
  // Views of the kernel.
  '^/(proc|sys|dev)$',
  // State of systemd, D-Bus and sessions.
  '^/run/(systemd|log|user|udev|dbus|lock|credentials|motd\\.d|mount)$',
  '^/run/(utmp|sshd\\.pid|crond\\.pid|initctl)$',
  '^/var/lib/systemd/(random-seed|timers|linger|coredump|ephemeral-trees|rfkill)$',
  '^/(tmp|var/tmp)/systemd-private-',
  // Locks of programs that any look at the firewall makes.
  '^/run/xtables\\.lock$',
  // Logs and caches.
  '^/var/(log|cache)$',
  '^/root/(\\.cache|\\.kube/cache|\\.bash_history|\\.lesshst|\\.config/(go|procps))$',
  // Of the tests' own kubectl.
  '^/tmp/kubectl-cache$',
  // The package and the program, which the machine shows to every node.
  '^/opt/edgeadm$',
  // The kernel modules of the machine.
  '^/(usr/)?lib/modules$',
];

export interface DiffOptions {
  /** Paths, unit names, sysctl keys… that may differ; a difference whose subject matches is left out. */
  ignore?: readonly RegExp[];
}

/**
 * The differences as lines to read: `+ file /etc/x: …` is new, `- …` is gone, `~ …` changed. Empty when there are none,
 * so that a test can say `expect(diffSnapshots(before, after)).toEqual([])`.
 */
export function diffSnapshots(
  before: Snapshot,
  after: Snapshot,
  { ignore = [] }: DiffOptions = {},
): string[] {
  const links = new Set(Object.keys(before.links).filter((link) => link in after.links));
  const kept = (subject: string): boolean =>
    !ignore.some((pattern) => pattern.test(subject)) && !isOfOtherLink(subject, links);
  const records = (what: string, key: 'files' | 'unitFiles' | 'units' | 'sysctls' | 'links'): string[] =>
    diffRecords(what, before[key], after[key], kept);
  const sets = (what: string, key: 'addresses' | 'routes' | 'rules' | 'mounts' | 'processes'): string[] =>
    diffSets(what, before[key], after[key], kept);
  return [
    ...records('file', 'files'),
    ...records('unit file', 'unitFiles'),
    ...records('unit', 'units'),
    ...records('sysctl', 'sysctls'),
    ...records('link', 'links'),
    ...sets('address', 'addresses'),
    ...sets('route', 'routes'),
    ...sets('rule', 'rules'),
    ...Object.keys({ ...before.firewall, ...after.firewall }).flatMap((tool) =>
      diffTexts(tool, before.firewall[tool] ?? '', after.firewall[tool] ?? '', kept),
    ),
    ...sets('mount', 'mounts'),
    ...sets('process', 'processes'),
  ];
}

/** Whether a sysctl belongs to a link that is only in one of the snapshots: the link itself tells enough. */
function isOfOtherLink(subject: string, links: ReadonlySet<string>): boolean {
  const link = /^net\.(?:ipv4|ipv6|mpls)\.conf\.([^.]+)\./.exec(subject)?.[1];
  return link !== undefined && link !== 'all' && link !== 'default' && !links.has(link);
}

function diffRecords(
  what: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  kept: (subject: string) => boolean,
): string[] {
  const subjects = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return subjects.filter(kept).flatMap((subject) => {
    const [was, is] = [before[subject], after[subject]];
    if (was === is) return [];
    if (was === undefined) return [`+ ${what} ${subject}: ${is}`];
    if (is === undefined) return [`- ${what} ${subject}: ${was}`];
    return [`~ ${what} ${subject}: ${was} => ${is}`];
  });
}

function diffSets(
  what: string,
  before: readonly string[],
  after: readonly string[],
  kept: (subject: string) => boolean,
): string[] {
  return [
    ...after.filter((value) => !before.includes(value) && kept(value)).map((value) => `+ ${what} ${value}`),
    ...before.filter((value) => !after.includes(value) && kept(value)).map((value) => `- ${what} ${value}`),
  ];
}

/** Line by line; a changed order with the same lines is told as such. */
function diffTexts(
  what: string,
  before: string,
  after: string,
  kept: (subject: string) => boolean,
): string[] {
  if (before === after) return [];
  const [was, is] = [before, after].map((text) =>
    text.split('\n').filter((line) => line !== '' && kept(line)),
  );
  const lines = diffSets(what, was!, is!, kept);
  if (lines.length > 0 || was!.join('\n') === is!.join('\n')) return lines;
  return [`~ ${what}: the same lines in another order or number`];
}
