import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../errors.ts';
import { errno, refusing } from './errors.ts';
import { bootId, processStart } from './procfs.ts';

/** Who holds the lock. */
export interface Owner {
  pid: number;
  /** Start of the process in clock ticks since boot: a pid alone may be somebody else's by now. */
  start: number;
  boot: string;
  /** Run id, in the environment of every child (EDGEADM_RUN). */
  run: string;
  command: string;
  /** ISO 8601, UTC. */
  since: string;
}

export interface Lock {
  /** Runs that died with the lock in their hands, and from which this one took it over. */
  dead: Owner[];
  release(): Promise<void>;
}

/**
 * One edgeadm at a time on a host. The lock file appears by link(2), so that it is never seen half-written.
 *
 * A lock whose owner is dead is taken over through a claim file named after the dead run, `<lock>.<run>`, again made by
 * link(2): only one process can have it. Its holder looks at the lock once more, since another may have been through
 * with it all in between, and only then replaces it. When a holder dies half-way, its claim is claimed in the same way.
 *
 * Errors: E_HOST_BUSY (pid, command and start of the other).
 */
export async function acquireLock(
  place: { shown: string; real: string },
  own: Pick<Owner, 'run' | 'command'>,
): Promise<Lock> {
  const { real, shown } = place;
  const owner: Owner = {
    pid: process.pid,
    start: (await processStart(process.pid)) ?? 0,
    boot: await bootId(),
    ...own,
    since: new Date().toISOString(),
  };
  const mine = `${real}.${owner.pid}.${randomBytes(4).toString('hex')}.tmp`;
  return refusing({ path: shown, real, action: 'lock' }, async () => {
    await fs.mkdir(path.dirname(real), { recursive: true });
    try {
      await fs.writeFile(mine, `${JSON.stringify(owner)}\n`, { mode: 0o644, flag: 'wx' });
      for (;;) {
        if (await linked(mine, real)) return await held(real, owner, []);
        const dead = await takeOver(real, mine, shown);
        if (dead) return await held(real, owner, dead);
      }
    } finally {
      await fs.rm(mine, { force: true });
    }
  });
}

/** The dead owners it was taken from; undefined when the lock has moved on meanwhile. */
async function takeOver(real: string, mine: string, shown: string): Promise<Owner[] | undefined> {
  const holder = await readOwner(real);
  if (!holder) return undefined;
  const dead = [holder];
  for (let owner = holder; ; ) {
    if (await isAlive(owner)) throw busy(owner, shown);
    const claim = claimOf(real, owner);
    if (await linked(mine, claim)) break;
    const claimant = await readOwner(claim);
    if (!claimant) return undefined;
    dead.push(claimant);
    owner = claimant;
  }
  const claims = dead.map((owner) => claimOf(real, owner));
  const last = claims[claims.length - 1] as string;
  if ((await readOwner(real))?.run !== holder.run) {
    await fs.rm(last, { force: true });
    return undefined;
  }
  // link + rename: `mine` stays for the clean-up, and the claim file goes away by becoming the lock.
  await fs.rename(last, real);
  for (const claim of claims.slice(0, -1)) await fs.rm(claim, { force: true });
  return dead;
}

function claimOf(real: string, owner: Owner): string {
  return `${real}.${owner.run}`;
}

async function held(real: string, owner: Owner, dead: Owner[]): Promise<Lock> {
  await sweep(real);
  return {
    dead,
    async release() {
      if ((await readOwner(real))?.run === owner.run) await fs.rm(real, { force: true });
    },
  };
}

/** Removes what processes left that died while they took the lock. Claims mean nothing while a living owner has it. */
async function sweep(real: string): Promise<void> {
  const prefix = `${path.basename(real)}.`;
  for (const name of await fs.readdir(path.dirname(real))) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)\.[0-9a-f]+\.tmp$/.exec(name.slice(prefix.length))?.[1];
    if (pid !== undefined && (await processStart(Number(pid))) !== undefined) continue;
    await fs.rm(path.join(path.dirname(real), name), { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if (errno(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(real: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await fs.readFile(real, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Owner;
  } catch {
    // Not written by link(2) as ours are: nobody's, and as good as a dead owner's.
    return { pid: 0, start: 0, boot: '', run: 'unknown', command: '', since: '' };
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  return owner.boot === (await bootId()) && (await processStart(owner.pid)) === owner.start;
}

function busy(owner: Owner, shown: string): EdgeadmError {
  return new EdgeadmError(
    'E_HOST_BUSY',
    `another edgeadm is at work on this host: pid ${owner.pid}, since ${owner.since} (${owner.command})`,
    {
      hint: `Wait until it has ended, or look at it: ps -fp ${owner.pid}. Its lock ${shown} goes away with it.`,
    },
  );
}
