import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface EdgeLink {
  /** Name of the link, at most 15 characters. */
  name: string;
  /** Addresses that it carries as /32 or /128. */
  addresses: readonly string[];
  /**
   * Networks (CIDR) that lead to it: the cluster's Services. kube-proxy turns their packets away before they leave, but the
   * kernel asks for a route first: without a default route the node itself would reach no Service.
   */
  routes?: readonly string[];
}

/** Runs `ip` with arguments; rejects with what it printed on stderr. */
export type Ip = (args: readonly string[]) => Promise<string>;

export interface EdgeLinkOptions {
  signal: AbortSignal;
  log(message: string): void;
  warn(message: string): void;
  ip?: Ip;
  /** Addresses that the kernel answers for. */
  localAddresses?: () => Promise<ReadonlySet<string>>;
  /** How often it is looked after. */
  intervalMs?: number;
}

/** A bridge without ports carries addresses as well: for kernels without dummy links. */
const kinds = ['dummy', 'bridge'] as const;
const defaultIntervalMs = 5000;
const ipTimeoutMs = 5000;

/**
 * Puts the addresses on the link, which is made when it is not there, and resolves with the promise of looking after it:
 * what somebody takes away comes back within seconds. Needs no network manager, so it works the same after each boot.
 * A failure is told and tried again; it never rejects.
 */
export async function keepEdgeLink(
  link: EdgeLink,
  options: EdgeLinkOptions,
): Promise<{ ended: Promise<void> }> {
  const { signal, log, warn, ip = runIp, localAddresses = ownAddresses } = options;
  let told = '';
  const look = async (): Promise<void> => {
    try {
      const missing = await missingAddresses(link, localAddresses);
      if (missing.length === 0) return;
      await ensureEdgeLink(link, ip);
      log(`${missing.join(', ')} on link ${link.name}`);
      told = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) warn(`link ${link.name}: ${message}; tried again`);
      told = message;
    }
  };
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await setTimeout(options.intervalMs ?? defaultIntervalMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await look();
    }
  };
  await look();
  return { ended: watch() };
}

/** Makes the link if needed, sets it up and gives it the addresses it lacks. Rejects with what `ip` says. */
export async function ensureEdgeLink({ name, addresses, routes }: EdgeLink, ip: Ip = runIp): Promise<void> {
  if (!(await exists(name, ip))) await addLink(name, ip);
  await ip(['link', 'set', 'dev', name, 'up']);
  // `replace` is right whether or not it is there.
  for (const address of addresses) {
    await ip(['address', 'replace', `${address}/${isIP(address) === 6 ? 128 : 32}`, 'dev', name]);
  }
  for (const network of routes ?? []) await ip(['route', 'replace', network, 'dev', name]);
}

async function exists(name: string, ip: Ip): Promise<boolean> {
  return ip(['link', 'show', 'dev', name]).then(
    () => true,
    () => false,
  );
}

async function addLink(name: string, ip: Ip): Promise<void> {
  let problem: unknown;
  for (const kind of kinds) {
    try {
      await ip(['link', 'add', 'name', name, 'type', kind]);
      return;
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** A link that is down has its addresses no longer in the kernel's table of local ones. */
async function missingAddresses(
  { addresses }: EdgeLink,
  localAddresses: NonNullable<EdgeLinkOptions['localAddresses']>,
): Promise<string[]> {
  const local = await localAddresses();
  return addresses.filter((address) => !local.has(address));
}

/** From /proc, as a process every few seconds would cost more than all else that an idle node does. */
const ownAddresses = () => readLocalAddresses((file) => readFile(file, 'utf8').catch(() => undefined));

/** Addresses that the kernel answers for, by `net` of a process in /proc; a file that is not there has none. */
export async function readLocalAddresses(
  read: (path: string) => Promise<string | undefined>,
  folder = '/proc/net',
): Promise<ReadonlySet<string>> {
  const [trie, inet6] = await Promise.all(['fib_trie', 'if_inet6'].map((name) => read(`${folder}/${name}`)));
  return parseLocalAddresses(trie ?? '', inet6 ?? '');
}

/**
 * Local addresses of the kernel: leaves of type `host LOCAL` in fib_trie (IPv4), and if_inet6 (32 hex digits in the
 * first column), compressed where RFC 5952 does.
 */
export function parseLocalAddresses(trie: string, inet6: string): ReadonlySet<string> {
  const found = new Set<string>();
  let leaf = '';
  for (const line of trie.split('\n')) {
    const [, address] = /^ *\|-- ([\d.]+)$/.exec(line) ?? [];
    if (address !== undefined) leaf = address;
    else if (/\/32 host LOCAL/.test(line)) found.add(leaf);
  }
  for (const [, digits = ''] of inet6.matchAll(/^([0-9a-f]{32}) /gm)) {
    const full = digits.match(/.{4}/g)?.join(':') ?? '';
    found.add(new URL(`http://[${full}]`).hostname.slice(1, -1));
  }
  return found;
}

const execute = promisify(execFile);

async function runIp(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute('ip', [...args], {
      timeout: ipTimeoutMs,
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
    });
    return stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`ip ${args.join(' ')}: ${(stderr || message).trim()}`);
  }
}
