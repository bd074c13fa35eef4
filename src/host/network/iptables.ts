import { isOwnChain } from './names.ts';

/** Chains (with the policy, `-` for those that users made) and rules (`-A CHAIN …`) of one table, as iptables-save prints them. */
export interface Table {
  chains: Record<string, string>;
  rules: string[];
}

export type Tables = Record<string, Table>;

/** Reads the output of iptables-save. */
export function parseTables(text: string): Tables {
  const tables: Tables = {};
  let table: Table | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: {}, rules: [] };
      tables[line.slice(1).trim()] = table;
    } else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      if (table) table.chains[name] = policy;
    } else if (line.startsWith('-A ')) table?.rules.push(line);
  }
  return tables;
}

/**
 * Input for `iptables-restore --noflush` that takes Kubernetes' chains, and the rules that jump to them, back to what
 * they were; all else stays. Empty when nothing is to be done.
 */
export function planRestore(now: Tables, before: Tables): string {
  return Object.keys(now)
    .map((name) => planTable(name, now[name] as Table, before[name] ?? { chains: {}, rules: [] }))
    .join('');
}

/** Chains of ours that are there and were not before, as `table CHAIN`. */
export function leftOver(now: Tables, before: Tables): string[] {
  return Object.entries(now).flatMap(([table, { chains }]) =>
    Object.keys(chains)
      .filter((chain) => isOwnChain(chain) && before[table]?.chains[chain] === undefined)
      .map((chain) => `${table} ${chain}`),
  );
}

function planTable(name: string, now: Table, before: Table): string {
  const chains = new Set([...Object.keys(now.chains), ...Object.keys(before.chains)].filter(isOwnChain));
  const flush: string[] = [];
  const put: string[] = [];
  const drop: string[] = [];
  for (const chain of [...chains].sort()) {
    const rules = rulesOf(now, chain);
    const were = rulesOf(before, chain);
    if (before.chains[chain] === undefined) {
      flush.push(`:${chain} - [0:0]`);
      drop.push(`-X ${chain}`);
    } else if (now.chains[chain] === undefined || rules.join('\n') !== were.join('\n')) {
      flush.push(`:${chain} - [0:0]`);
      put.push(...were.filter((rule) => canJump(rule, now, before)));
    }
  }
  const jumps = surplus(jumpRules(now), jumpRules(before)).map((rule) => rule.replace(/^-A /, '-D '));
  const lines = [...flush, ...jumps, ...put, ...drop];
  return lines.length === 0 ? '' : [`*${name}`, ...lines, 'COMMIT', ''].join('\n');
}

function rulesOf(table: Table, chain: string): string[] {
  return table.rules.filter((rule) => rule.startsWith(`-A ${chain} `));
}

/** Rules in others' chains that jump to one of ours. */
function jumpRules(table: Table): string[] {
  return table.rules.filter((rule) => {
    const { chain, target } = readRule(rule);
    return target !== undefined && isOwnChain(target) && !isOwnChain(chain);
  });
}

/** A rule cannot come back when somebody has removed the chain that it jumps to. */
function canJump(rule: string, now: Table, before: Table): boolean {
  const { target } = readRule(rule);
  if (target === undefined || before.chains[target] === undefined) return true;
  return isOwnChain(target) || now.chains[target] !== undefined;
}

/** What is in the first list more often than in the second. */
function surplus(now: readonly string[], before: readonly string[]): string[] {
  const left = [...before];
  return now.filter((rule) => {
    const index = left.indexOf(rule);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
}

/** Chain that a rule stands in and the one it goes to; text in quotes (comments) is no option. */
export function readRule(rule: string): { chain: string; target: string | undefined } {
  const words = rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const jump = words.findIndex((word) => ['-j', '--jump', '-g', '--goto'].includes(word));
  return { chain: words[1] ?? '', target: jump === -1 ? undefined : words[jump + 1] };
}
