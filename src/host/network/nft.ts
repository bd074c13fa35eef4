import type { Seam } from '../seam.ts';
import { optional } from './backends.ts';
import { isOwnNftTable } from './names.ts';

export interface NftChain {
  /** `family table chain`. */
  name: string;
  /** Attached to a hook of the kernel. */
  base: boolean;
  policy: string;
  rules: number;
}

export interface Ruleset {
  /** `family name`. */
  tables: string[];
  chains: NftChain[];
  /** Tables that hold sets, maps or other objects. */
  withObjects: string[];
}

/** iptables-nft makes these tables and chains by itself, and leaves them when its last rule goes. */
const builtin: Record<string, readonly string[]> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** The host's nft ruleset; undefined without an nft program that works and writes JSON. */
export async function readRuleset(seam: Seam): Promise<Ruleset | undefined> {
  const result = await optional(seam, 'nft', ['-j', 'list', 'ruleset']);
  if (result?.exitCode !== 0) return undefined;
  try {
    return parseRuleset(result.stdout);
  } catch {
    return undefined;
  }
}

interface Item {
  table?: { family: string; name: string };
  chain?: { family: string; table: string; name: string; hook?: string; policy?: string };
  rule?: { family: string; table: string; chain: string };
  [object: string]: { family?: string; table?: string } | undefined;
}

/** Reads libnftables-json(5). */
function parseRuleset(json: string): Ruleset {
  const { nftables } = JSON.parse(json) as { nftables: Item[] };
  const ruleset: Ruleset = { tables: [], chains: [], withObjects: [] };
  const byName = new Map<string, NftChain>();
  for (const item of nftables) {
    if (item.table) ruleset.tables.push(`${item.table.family} ${item.table.name}`);
    else if (item.chain) {
      const { family, table, name, hook, policy } = item.chain;
      const chain = {
        name: `${family} ${table} ${name}`,
        base: hook !== undefined,
        policy: policy ?? '',
        rules: 0,
      };
      byName.set(chain.name, chain);
    } else if (item.rule) {
      const chain = byName.get(`${item.rule.family} ${item.rule.table} ${item.rule.chain}`);
      if (chain) chain.rules++;
    } else {
      for (const object of Object.values(item)) {
        if (object?.family && object.table) ruleset.withObjects.push(`${object.family} ${object.table}`);
      }
    }
  }
  ruleset.chains = [...byName.values()];
  return ruleset;
}

/** Commands for `nft -f`: remove Kubernetes' own tables that were not there. */
export function planOwnTables(now: Ruleset, before: Ruleset | undefined): string[] {
  const were = new Set(before?.tables);
  return now.tables
    .filter((table) => isOwnNftTable(table) && !were.has(table))
    .map((table) => `delete table ${table}`);
}

/** Commands for `nft -f`: remove empty chains and tables that iptables-nft made by itself and that were not there. */
export function planImplicit(now: Ruleset, before: Ruleset): string[] {
  const wereChains = new Set(before.chains.map(({ name }) => name));
  const wereTables = new Set(before.tables);
  const chains = now.chains.filter(
    (chain) =>
      chain.base &&
      chain.rules === 0 &&
      chain.policy === 'accept' &&
      !wereChains.has(chain.name) &&
      isBuiltin(chain.name),
  );
  const going = new Set(chains.map(({ name }) => name));
  const tables = now.tables.filter((table) => {
    const [family = '', name = ''] = table.split(' ');
    if (wereTables.has(table) || !/^ip6?$/.test(family) || builtin[name] === undefined) return false;
    if (now.withObjects.includes(table)) return false;
    return now.chains.every((chain) => !chain.name.startsWith(`${table} `) || going.has(chain.name));
  });
  return [
    ...chains.map(({ name }) => `delete chain ${name}`),
    ...tables.map((table) => `delete table ${table}`),
  ];
}

export async function applyNft(seam: Seam, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  await seam.execute({ file: 'nft', args: ['-f', '-'], input: `${commands.join('\n')}\n` }, { level: 3 });
}

function isBuiltin(name: string): boolean {
  const [family = '', table = '', chain = ''] = name.split(' ');
  return /^ip6?$/.test(family) && builtin[table]?.includes(chain) === true;
}
