import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { acquireLock, type Lock } from '../../../src/host/lock.ts';
import { processStart } from '../../../src/host/procfs.ts';
import { open, temporaryDirectory, temporaryRoot } from './helpers.ts';

const script = path.join(import.meta.dirname, 'inside/worker.ts');

/** Starts a worker on `root`; resolves with it when it has written its first line. */
async function worker(
  root: string,
  ...command: string[]
): Promise<{ child: ChildProcess; line: string; output: string[] }> {
  const child = spawn(process.execPath, [script, root, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  await once(child.stdout, 'data');
  return { child, line: output[0] ?? '', output };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

test('the second edgeadm is refused with pid, command and start of the first', {
  timeout: 60_000,
}, async () => {
  const root = await temporaryRoot();
  const { child, line } = await worker(root, 'sleep', '300');
  expect(line).toBe('open\n');
  await expect(open(root)).rejects.toMatchObject({
    code: 'E_HOST_BUSY',
    message: expect.stringMatching(new RegExp(`pid ${child.pid}, since 20.* \\(edgeadm test in `)),
  });
  const second = await worker(root, 'true');
  expect(second.line).toMatch(/^E_HOST_BUSY .*pid/);
  const dry = await open(root, { dryRun: true });
  expect(dry.host.dryRun).toBe(true);
  await killed(child);
});

test.for(['with', 'without'])(
  'what a killed run left working is stopped, %s its lock file',
  { timeout: 60_000 },
  async (lockFile) => {
    const root = await temporaryRoot();
    const pids = path.join(root, 'pids');
    const script = `${lockFile === 'with' ? 'trap "" TERM; ' : ''}sleep 301 & echo $$ $! > "$1"; wait; sleep 302`;
    const { child } = await worker(root, 'sh', '-c', script, 'sh', pids);
    const running = await vi.waitFor(
      async () => {
        const found = (await fs.readFile(pids, 'utf8')).trim().split(' ').map(Number);
        expect(found).toHaveLength(2);
        return found;
      },
      { timeout: 30_000 },
    );
    await killed(child);
    for (const pid of running) expect(await processStart(pid)).toBeDefined();
    if (lockFile === 'without') await fs.rm(path.join(root, 'run/edgeadm.lock'));

    const { host, events } = await open(root);
    for (const pid of running) expect(await processStart(pid)).toBeUndefined();
    const warning = events.find((event) => event.type === 'warning');
    expect(warning?.message).toMatch(
      /^stopped what an interrupted edgeadm had left running: .*sleep \(pid \d+\)/,
    );
    expect(host.state('work')).toBe('started');
    await host.run({ file: 'true' }, { key: 'work', summary: 'work' });
    expect(host.state('work')).toBe('done');
    await host.close();
    expect(await fs.readdir(path.join(root, 'run'))).toEqual([]);
    expect((await open(root)).host.journal.deadRuns).toEqual([]);
  },
);

test('a lock of a pid that is somebody else by now is stale', async () => {
  const root = await temporaryRoot();
  const owner = {
    pid: process.pid,
    start: 1,
    boot: 'x',
    run: 'dead',
    command: 'edgeadm init',
    since: 'then',
  };
  await fs.writeFile(path.join(root, 'run/edgeadm.lock'), JSON.stringify(owner));
  const { host } = await open(root);
  await host.close();
});

test('a lock file that nobody can read is stale', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'run/edgeadm.lock'), 'torn {');
  await (await open(root)).host.close();
});

test('of many that find a stale lock exactly one gets it, whatever takers died half-way', {
  timeout: 60_000,
}, async () => {
  const directory = await temporaryDirectory();
  const place = { shown: '/run/edgeadm.lock', real: path.join(directory, 'lock') };
  const dead = (run: string) => JSON.stringify({ pid: 1, start: 1, boot: 'x', run, command: '', since: '' });
  for (let round = 0; round < 40; round++) {
    await fs.writeFile(place.real, dead('a'));
    // A taker of `a` died with its claim in the hand, and sometimes the taker of that one too.
    if (round % 2 === 1) await fs.writeFile(`${place.real}.a`, dead('b'));
    if (round % 4 === 3) await fs.writeFile(`${place.real}.b`, dead('c'));
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) =>
        acquireLock(place, { run: `r${round}-${index}`, command: 'x' }),
      ),
    );
    const won = tries.filter(
      (result): result is PromiseFulfilledResult<Lock> => result.status === 'fulfilled',
    );
    const lost = tries.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(won).toHaveLength(1);
    for (const error of lost) expect(error).toMatchObject({ code: 'E_HOST_BUSY' });
    expect(lost.every((error) => error instanceof EdgeadmError)).toBe(true);
    await won[0]?.value.release();
    expect(await fs.readdir(directory)).toEqual([]);
  }
});

test('the lock file names its owner', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  const owner = JSON.parse(await fs.readFile(path.join(root, 'run/edgeadm.lock'), 'utf8'));
  expect(owner).toMatchObject({ pid: process.pid, command: 'edgeadm test', run: host.journal.run });
  await host.close();
  expect(await fs.readdir(path.join(root, 'run'))).toEqual([]);
});
