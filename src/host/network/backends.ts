import fs from 'node:fs/promises';
import { EdgeadmError } from '../../errors.ts';
import type { CommandResult } from '../host.ts';
import type { Seam } from '../seam.ts';
import { parseTables, type Tables } from './iptables.ts';

/** A family of iptables programs: `<name>-save`, `<name>-restore`. */
interface Backend {
  name: string;
  /** Legacy tables exist only when the kernel lists them here; asking without need would make them. */
  names?: string;
}

const backends: readonly Backend[] = [
  { name: 'iptables-nft' },
  { name: 'ip6tables-nft' },
  { name: 'iptables-legacy', names: '/proc/self/net/ip_tables_names' },
  { name: 'ip6tables-legacy', names: '/proc/self/net/ip6_tables_names' },
];
/** Hosts whose programs carry no backend in their name have one backend only. */
const plain: readonly Backend[] = [{ name: 'iptables' }, { name: 'ip6tables' }];

/** Tables of every backend and family that this host has programs for. */
export async function readTables(seam: Seam): Promise<Record<string, Tables>> {
  const found = await save(seam, backends);
  return Object.keys(found).length > 0 ? found : save(seam, plain);
}

export async function restoreTables(seam: Seam, backend: string, input: string): Promise<void> {
  await seam.execute(
    { file: `${backend}-restore`, args: ['--wait', '10', '--noflush'], input },
    { level: 3 },
  );
}

async function save(seam: Seam, list: readonly Backend[]): Promise<Record<string, Tables>> {
  const found: Record<string, Tables> = {};
  for (const { name, names } of list) {
    if (names !== undefined && (await fs.readFile(names, 'utf8').catch(() => '')).trim() === '') continue;
    const result = await optional(seam, `${name}-save`, []);
    if (result?.exitCode === 0) found[name] = parseTables(result.stdout);
  }
  return found;
}

/** Runs a program that a host may lack: undefined then. */
export async function optional(seam: Seam, file: string, args: string[]): Promise<CommandResult | undefined> {
  try {
    return await seam.execute({ file, args }, { allowFailure: true, level: 4 });
  } catch (error) {
    if (error instanceof EdgeadmError && error.code === 'E_COMMAND_MISSING') return undefined;
    throw error;
  }
}
