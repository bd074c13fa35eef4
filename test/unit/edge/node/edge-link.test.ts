import { expect, it } from 'vitest';
import {
  type EdgeLinkOptions,
  ensureEdgeLink,
  keepEdgeLink,
  parseLocalAddresses,
} from '../../../../src/edge/node/edge-link.ts';

const link = { name: 'edgeadm0', addresses: ['169.254.20.11', '10.96.0.1'] };

/** A kernel with or without dummy links, as `ip` shows it. */
function kernel({ dummy = true } = {}) {
  const lines: string[] = [];
  const kinds = new Map<string, string>();
  const addresses = new Set<string>();
  const ip = async (args: readonly string[]): Promise<string> => {
    const line = args.join(' ');
    lines.push(line);
    const [object, verb] = args;
    if (object === 'link' && verb === 'show' && !kinds.has(args[3]!)) throw new Error('does not exist');
    if (object === 'link' && verb === 'add') {
      if (args[5] === 'dummy' && !dummy) throw new Error('ip: Unknown device type.');
      kinds.set(args[3]!, args[5]!);
    }
    if (object === 'address') addresses.add(args[2]!.replace(/\/\d+$/, ''));
    return '';
  };
  return { ip, lines, kinds, addresses };
}

it('is a dummy link with one address each, and made once', async () => {
  const { ip, lines, kinds } = kernel();
  await ensureEdgeLink({ ...link, routes: ['10.96.0.0/12'] }, ip);
  await ensureEdgeLink({ name: 'edgeadm0', addresses: ['fd00::1'] }, ip);
  expect(kinds.get('edgeadm0')).toBe('dummy');
  expect(lines.filter((line) => line.startsWith('link add'))).toHaveLength(1);
  expect(lines).toContain('address replace 169.254.20.11/32 dev edgeadm0');
  expect(lines).toContain('address replace 10.96.0.1/32 dev edgeadm0');
  expect(lines).toContain('address replace fd00::1/128 dev edgeadm0');
  expect(lines.at(5)).toBe('route replace 10.96.0.0/12 dev edgeadm0');
});

it('is a bridge where the kernel has no dummy links', async () => {
  const { ip, kinds } = kernel({ dummy: false });
  await ensureEdgeLink(link, ip);
  expect(kinds.get('edgeadm0')).toBe('bridge');
});

it('comes back when somebody takes it away', async () => {
  const { ip, kinds, addresses } = kernel();
  const stop = new AbortController();
  const options: EdgeLinkOptions = {
    signal: stop.signal,
    log() {},
    warn() {},
    ip,
    localAddresses: async () => addresses,
    intervalMs: 1,
  };
  const { ended } = await keepEdgeLink(link, options);
  expect([...addresses]).toEqual(link.addresses);
  kinds.clear();
  addresses.clear();
  await expect.poll(() => [...addresses]).toEqual(link.addresses);
  stop.abort();
  await ended;
});

it('tells a trouble once, and the next one again', async () => {
  const stop = new AbortController();
  const told: string[] = [];
  let tries = 0;
  const { ended } = await keepEdgeLink(link, {
    signal: stop.signal,
    log() {},
    warn: (message) => told.push(message),
    ip: async () => {
      tries++;
      throw new Error(tries < 20 ? 'not permitted' : 'no such thing');
    },
    localAddresses: async () => new Set(),
    intervalMs: 1,
  });
  await expect.poll(() => told.length).toBe(2);
  stop.abort();
  await ended;
  expect(told).toEqual([expect.stringContaining('not permitted'), expect.stringContaining('no such thing')]);
});

it('local addresses are read as the kernel shows them', () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.96.0.0/23 2 0 2
        |-- 10.96.0.1
           /32 host LOCAL
        |-- 10.97.0.0
           /24 link UNICAST
Local:
        |-- 127.0.0.1
           /32 host LOCAL
`;
  const inet6 = 'fe80000000000000042 bad\nfd000000000000000000000000000001 03 40 20 80     eth0\n';
  expect([...parseLocalAddresses(trie, inet6)]).toEqual(['10.96.0.1', '127.0.0.1', 'fd00::1']);
});
