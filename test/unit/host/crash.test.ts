import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fsSync from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import type { LocalHost } from '../../../src/host/local.ts';
import { openHost } from '../../../src/host/open.ts';
import { crashAt } from './crash.ts';
import { never, temporaryDirectory } from './helpers.ts';
import { snapshot } from './snapshot.ts';

const places = ['/etc/a', '/etc/d/b', '/etc/d/e/c', '/opt/x/y', '/opt/x/z'] as const;
const directories = ['/etc/d', '/etc/d/e', '/opt/x', '/srv/new/deep'] as const;
const contents = ['', 'one\n', 'two\nlines\n', 'no newline at the end', 'x'.repeat(70_000)] as const;
const modes = [0o600, 0o644, 0o755] as const;

type Step =
  | { do: 'write'; at: string; content: string; mode: number }
  | { do: 'install'; at: string; mode: number }
  | { do: 'symlink'; at: string; target: string }
  | { do: 'remove'; at: string }
  | { do: 'mkdir'; at: string; mode: number }
  | { do: 'block'; at: string; marker: string; lines: string[] }
  | { do: 'claim'; at: string; content: boolean };

const at = fc.constantFrom(...places);
const mode = fc.constantFrom(...modes);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('write'), at, content: fc.constantFrom(...contents), mode }),
  },
  fc.record({ do: fc.constant('install'), at, mode }),
  fc.record({ do: fc.constant('symlink'), at, target: fc.constantFrom('b', '/nowhere') }),
  fc.record({ do: fc.constant('remove'), at: fc.constantFrom(...places, ...directories) }),
  fc.record({
    do: fc.constant('mkdir'),
    at: fc.constantFrom(...directories),
    mode: fc.constantFrom(0o700, 0o755),
  }),
  fc.record({
    do: fc.constant('block'),
    at,
    marker: fc.constantFrom('nodes', 'other'),
    lines: fc.array(fc.constantFrom('10.0.0.1 one', '# note'), { maxLength: 2 }),
  }),
  fc.record({
    do: fc.constant('claim'),
    at: fc.constantFrom('/etc/d', '/var/lib/kubelet'),
    content: fc.boolean(),
  }),
);

/** What is there before: some of the places, as files, links or nothing. */
const initial = fc.record(
  Object.fromEntries(
    places.map((place) => [
      place,
      fc.oneof(
        fc.constant(undefined),
        fc.record({ content: fc.constantFrom(...contents), mode }),
        fc.constant({ link: 'target' }),
      ),
    ]),
  ),
);

async function prepare(
  root: string,
  files: Record<string, { content?: string; mode?: number; link?: string } | undefined>,
) {
  for (const directory of ['run', 'var/lib', 'etc', 'var/backups'])
    await fs.mkdir(path.join(root, directory), { recursive: true });
  for (const [place, file] of Object.entries(files)) {
    if (!file) continue;
    const real = path.join(root, place);
    await fs.mkdir(path.dirname(real), { recursive: true });
    if (file.link !== undefined) await fs.symlink(file.link, real);
    else await fs.writeFile(real, file.content ?? '', { mode: file.mode ?? 0o644 });
  }
  await fs.writeFile(path.join(root, 'source'), 'a program', { mode: 0o755 });
}

async function apply(host: LocalHost, root: string, steps: readonly Step[]): Promise<void> {
  for (const wish of steps) {
    try {
      switch (wish.do) {
        case 'write':
          await host.writeFile(wish.at, wish.content, { mode: wish.mode });
          break;
        case 'install':
          await host.installFile(path.join(root, 'source'), wish.at, { mode: wish.mode });
          break;
        case 'symlink':
          await host.symlink(wish.target, wish.at);
          break;
        case 'remove':
          await host.remove(wish.at);
          break;
        case 'mkdir':
          await host.makeDirectory(wish.at, { mode: wish.mode });
          break;
        case 'block':
          await host.editBlock(wish.at, wish.marker, wish.lines);
          break;
        case 'claim': {
          await host.claimTree(wish.at, { content: wish.content });
          // A program at work in its own directory.
          const real = path.join(root, wish.at);
          if (wish.at === '/var/lib/kubelet') {
            fsSync.mkdirSync(`${real}/pods/1`, { recursive: true });
            fsSync.writeFileSync(`${real}/pods/1/state`, 'x');
          }
        }
      }
    } catch (error) {
      // A directory where a file is wanted is refused, before anything is journaled.
      if (!(error instanceof EdgeadmError) || error.code !== 'E_HOST_WRITE') throw error;
    }
  }
}

/** After a crash in this very process the lock's owner still lives. */
async function reopen(root: string): Promise<LocalHost> {
  for (const name of await fs.readdir(path.join(root, 'run'))) await fs.rm(path.join(root, 'run', name));
  return openHost({ emit: () => {}, command: 'edgeadm test', root });
}

async function undoAndForget(root: string): Promise<string[]> {
  const host = await reopen(root);
  const { warnings } = await host.undoAll({ signal: never });
  await host.forget();
  return warnings;
}

const without = { without: ['/run', '/var/backups'] };

test('a crash at any change, then run again or not, then reset: the first state, exactly', {
  timeout: 3_600_000,
}, async () => {
  const base = await temporaryDirectory();
  await fc.assert(
    fc.asyncProperty(
      initial,
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 120 }),
      fc.boolean(),
      fc.boolean(),
      fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      async (files, steps, point, before, again, undoPoint) => {
        const root = path.join(base, randomBytes(4).toString('hex'));
        await prepare(root, files);
        const start = await snapshot(root, without);

        let crash = await crashAt(point, { before });
        const life = (async () => apply(await reopen(root), root, steps))();
        await Promise.race([crash.reached, life]).finally(() => crash.end());

        if (again) {
          const host = await reopen(root);
          await apply(host, root, steps);
          await host.close();
        }
        if (undoPoint !== undefined) {
          crash = await crashAt(undoPoint, { before });
          await Promise.race([crash.reached, undoAndForget(root)]).finally(() => crash.end());
        }
        const warnings = await undoAndForget(root);
        expect(warnings.filter((line) => line.includes('could not be undone'))).toEqual([]);
        expect(await snapshot(root, without)).toEqual(start);
        await fs.rm(root, { recursive: true });
      },
    ),
    { numRuns: Number(process.env.EDGEADM_FUZZ_RUNS ?? 60) },
  );
});

test('at every intent: the journal names what may have been done, and the next run completes it', async () => {
  const steps: Step[] = [
    { do: 'claim', at: '/var/lib/kubelet', content: false },
    { do: 'write', at: '/etc/d/b', content: 'one\n', mode: 0o600 },
    { do: 'block', at: '/etc/a', marker: 'nodes', lines: ['10.0.0.1 one'] },
    { do: 'install', at: '/opt/x/y', mode: 0o755 },
    { do: 'remove', at: '/etc/d' },
    { do: 'symlink', at: '/opt/x/z', target: 'y' },
  ];
  const files = { '/etc/a': { content: 'text' }, '/etc/d/b': { content: 'old', mode: 0o640 } };
  const complete = await temporaryDirectory();
  await prepare(complete, files);
  const counter = await crashAt(Number.POSITIVE_INFINITY, { only: 'datasync' });
  await apply(await reopen(complete), complete, steps);
  counter.end();
  const intents = counter.count();
  expect(intents).toBe(8);
  const wanted = await snapshot(complete, { without: ['/run', '/var/lib/edgeadm'] });

  for (let intent = 1; intent <= intents; intent++) {
    const root = await temporaryDirectory();
    await prepare(root, files);
    const start = await snapshot(root, without);
    const crash = await crashAt(intent, { only: 'datasync' });
    const life = (async () => apply(await reopen(root), root, steps))();
    await Promise.race([crash.reached, life]).finally(() => crash.end());
    const host = await reopen(root);
    expect(host.journal.entries).toHaveLength(intent);
    expect(host.journal.deadRuns).toEqual([]);
    await apply(host, root, steps);
    expect(await snapshot(root, { without: ['/run', '/var/lib/edgeadm'] })).toEqual(wanted);
    await host.close();
    await undoAndForget(root);
    expect(await snapshot(root, without)).toEqual(start);
  }
});

test('kill -9 after every intent, in a process of its own: the next run completes, reset undoes', {
  timeout: 300_000,
}, async () => {
  const inside = path.join(import.meta.dirname, 'inside');
  const run = (root: string, killAt: number) =>
    spawnSync(
      process.execPath,
      ['--import', pathToFileURL(path.join(inside, 'kill-at.ts')).href, path.join(inside, 'steps.ts'), root],
      { env: { ...process.env, EDGEADM_KILL_AT: String(killAt) }, encoding: 'utf8' },
    );
  for (let intent = 1; ; intent++) {
    const root = await temporaryDirectory();
    await prepare(root, { '/etc/old': { content: 'old', mode: 0o640 }, '/etc/gone': { content: 'gone' } });
    const start = await snapshot(root, without);
    const killed = run(root, intent);
    if (killed.stdout === 'done') {
      expect(intent).toBe(8);
      break;
    }
    expect(killed.signal).toBe('SIGKILL');
    expect(run(root, 0).stdout).toBe('done');
    expect(await fs.readFile(path.join(root, 'count'), 'utf8')).toBe('x\n');
    expect(await fs.readFile(path.join(root, 'opt/new'), 'utf8')).toBe('new');
    await fs.rm(path.join(root, 'count'));
    expect(await undoAndForget(root)).toEqual([]);
    expect(await snapshot(root, without)).toEqual(start);
  }
});
