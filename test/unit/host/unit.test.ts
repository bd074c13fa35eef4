import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { never, open, program, temporaryRoot } from './helpers.ts';
import { snapshot } from './snapshot.ts';

const file = '/etc/systemd/system/edge.service';

async function rootWithSystemd() {
  const root = await temporaryRoot();
  await program(
    root,
    'systemctl',
    await fs.readFile(path.join(import.meta.dirname, '../../fakes/systemctl.sh'), 'utf8'),
  );
  await fs.mkdir(path.join(root, 'etc/systemd/system'), { recursive: true });
  await fs.mkdir(path.join(root, 'systemd/running'), { recursive: true });
  const read = (at: string) => fs.readFile(path.join(root, at), 'utf8').catch(() => undefined);
  return {
    root,
    /** What the unit's file was when it was started last. */
    running: () => read('systemd/running/edge.service'),
    /** Verbs since the last look, without the reading ones. */
    async calls() {
      const log = ((await read('systemd/log')) ?? '')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('show'));
      await fs.rm(path.join(root, 'systemd/log'), { force: true });
      return log.map((line) => line.trim());
    },
  };
}

const without = { without: ['/systemd', '/run'] };

test('a new unit is read, enabled and started once; undo leaves no link and nothing running', async () => {
  const { root, calls, running } = await rootWithSystemd();
  const start = await snapshot(root, without);
  const { host } = await open(root);
  await host.writeFile(file, 'one');
  expect(await host.enableUnit('edge.service')).toBe(true);
  expect(await calls()).toEqual(['enable edge.service', 'start edge.service']);
  expect(await host.enableUnit('edge.service')).toBe(false);
  expect(await calls()).toEqual([]);
  await host.close();

  const again = await open(root);
  expect((await again.host.undoAll({ signal: never })).warnings).toEqual([]);
  expect(await calls()).toEqual([
    'stop edge.service',
    'disable edge.service',
    'reset-failed edge.service',
    'daemon-reload',
  ]);
  expect(await running()).toBeUndefined();
  await again.host.forget();
  expect(await snapshot(root, without)).toEqual(start);
});

test('systemd reads its units again only when the file of one that it knows changed', async () => {
  const { root, calls } = await rootWithSystemd();
  const { host } = await open(root);
  await host.writeFile(file, 'one');
  await host.writeFile('/etc/systemd/system/other.service', 'other');
  await host.enableUnit('edge.service');
  await host.writeFile('/etc/containerd/config.toml', 'x');
  await host.enableUnit('other.service', { start: false });
  expect(await calls()).toEqual(['enable edge.service', 'start edge.service', 'enable other.service']);
  await host.writeFile(file, 'two');
  await host.enableUnit('other.service', { start: false });
  expect(await calls()).toEqual([]);
  await host.enableUnit('edge.service', { restart: true });
  expect(await calls()).toEqual(['daemon-reload', 'restart edge.service']);
});

test('a configuration that changed restarts the unit, also when a crash came in between', async () => {
  const { root, calls } = await rootWithSystemd();
  const first = await open(root);
  await first.host.writeFile(file, 'one');
  await first.host.enableUnit('edge.service', { version: '1' });
  await first.host.close();
  await calls();
  const second = await open(root);
  await second.host.writeFile('/etc/edge.conf', 'new');
  await second.host.close();
  const third = await open(root);
  expect(await third.host.writeFile('/etc/edge.conf', 'new')).toBe(false);
  expect(await third.host.enableUnit('edge.service', { version: '2' })).toBe(true);
  expect(await calls()).toEqual(['restart edge.service']);
  expect(await third.host.enableUnit('edge.service', { version: '2' })).toBe(false);
});

test('a restart that a crash left out is made up for', async () => {
  const { root, calls } = await rootWithSystemd();
  const { host } = await open(root);
  await host.writeFile(file, 'one');
  await host.enableUnit('edge.service');
  await calls();
  const after = { enabled: true, active: true, restarted: true };
  await host.journal.intend({ kind: 'unit', key: 'unit:edge.service', before: undefined, after });
  await host.close();
  const again = await open(root);
  expect(await again.host.enableUnit('edge.service', { restart: false })).toBe(true);
  expect(await calls()).toEqual(['restart edge.service']);
});

test('a unit that ran before runs again with its own files', async () => {
  const { root, calls, running } = await rootWithSystemd();
  await program(
    root,
    'prepare',
    `#!/bin/sh\ncd "${root}/bin" && ./systemctl daemon-reload && ./systemctl enable edge.service && ./systemctl start edge.service`,
  );
  await fs.writeFile(path.join(root, file), 'theirs');
  const { host } = await open(root);
  await host.query({ file: 'prepare' });
  const start = await snapshot(root, {
    without: ['/run', '/var/lib/edgeadm', '/systemd/log', '/systemd/loaded'],
  });
  await host.writeFile(file, 'ours');
  await host.enableUnit('edge.service', { restart: true });
  expect(await running()).toBe('ours');
  await calls();
  expect((await host.undoAll({ signal: never })).warnings).toEqual([]);
  expect(await calls()).toEqual(['daemon-reload', 'restart edge.service']);
  expect(await running()).toBe('theirs');
  await host.forget();
  expect(
    await snapshot(root, { without: ['/run', '/var/lib/edgeadm', '/systemd/log', '/systemd/loaded'] }),
  ).toEqual(start);
});

test('a disabled unit is enabled and started again', async () => {
  const { root, calls, running } = await rootWithSystemd();
  await fs.writeFile(path.join(root, file), 'theirs');
  const { host } = await open(root);
  await host.enableUnit('edge.service');
  await host.undoAll({ signal: never, keep: () => true });
  await host.journal.undone('unit:edge.service');
  await calls();
  expect(await host.disableUnit('edge.service')).toBe(true);
  expect(await host.disableUnit('edge.service')).toBe(false);
  expect(await running()).toBeUndefined();
  expect(await calls()).toEqual(['stop edge.service', 'disable edge.service']);
  await host.undoAll({ signal: never });
  expect(await calls()).toEqual(['daemon-reload', 'enable edge.service', 'start edge.service']);
  expect(await running()).toBe('theirs');
});

test('a unit that does not exist is E_COMMAND with what systemctl said', async () => {
  const { root } = await rootWithSystemd();
  const { host } = await open(root);
  await expect(host.enableUnit('none.service')).rejects.toMatchObject({
    code: 'E_COMMAND',
    message: expect.stringContaining('systemctl enable -- none.service'),
    details: ['Unit none.service could not be found.'],
  });
});

test('a dry run plans units and calls nothing that changes', async () => {
  const { root, calls } = await rootWithSystemd();
  const start = await snapshot(root, without);
  const { host, events } = await open(root, { dryRun: true });
  await host.writeFile(file, 'one');
  expect(await host.enableUnit('edge.service')).toBe(true);
  expect(events.at(-1)).toMatchObject({
    type: 'change',
    target: 'edge.service',
    summary: 'enable, start',
    planned: true,
  });
  expect(await calls()).toEqual([]);
  expect(await snapshot(root, without)).toEqual(start);
});
