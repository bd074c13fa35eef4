import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { open, temporaryRoot } from './helpers.ts';

const refused = new EdgeadmError('E_PACKAGE_CORRUPT', 'damaged');
const fails = async () => Promise.reject(refused);

/** Names of all files and directories below a root. */
async function tree(root: string): Promise<string[]> {
  return (await fs.readdir(root, { recursive: true })).sort();
}

test('a first run that failed leaves the host as it was, without a journal', async () => {
  const root = await temporaryRoot();
  const before = await tree(root);
  const { host } = await open(root);
  const work = host.allOrNothing(async () => {
    await host.writeFile('/usr/local/bin/kubeadm', 'x');
    await host.remember('package', { digest: 'd' });
    await fs.mkdir(path.join(root, 'var/lib/edgeadm/packages/d.partial'), { recursive: true });
    await host.once('unpack', 'unpack', fails);
  });
  await expect(work).rejects.toBe(refused);
  await host.close();
  expect(await tree(root)).toEqual(before);
});

test('a later run that failed keeps what earlier ones did, and their journal', async () => {
  const root = await temporaryRoot();
  const first = await open(root);
  await first.host.writeFile('/etc/ours', 'x');
  await first.host.close();
  const { host } = await open(root);
  await expect(host.allOrNothing(() => host.once('unpack', 'unpack', fails))).rejects.toBe(refused);
  await host.close();
  const { host: last } = await open(root);
  expect(last.state('unpack')).toBe('absent');
  expect(last.journal.entries.map(({ key }) => key)).toEqual(['file:/etc/ours']);
});

test('what cannot be undone is told, stays in the journal, and hides no error', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root);
  const work = host.allOrNothing(async () => {
    await host.run({ file: 'true' }, { key: 'k', summary: 's', undo: { file: 'false' } });
    return fails();
  });
  await expect(work).rejects.toBe(refused);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'warning',
      message: expect.stringMatching(/^work:k could not be undone/),
    }),
  );
  await host.close();
  expect((await open(root)).host.state('k')).toBe('done');
});

test('in a dry run there is nothing to undo', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root, { dryRun: true });
  const work = host.allOrNothing(async () => {
    await host.writeFile('/etc/ours', 'x');
    return fails();
  });
  await expect(work).rejects.toBe(refused);
  expect(events.map((event) => (event.type === 'change' ? event.action : event.type))).toEqual(['write']);
});

test("somebody else's file in place of the journal stays", async () => {
  const root = await temporaryRoot();
  const state = path.join(root, 'var/lib/edgeadm');
  await fs.mkdir(state, { mode: 0o700 });
  await fs.symlink('/nowhere', path.join(state, 'journal.jsonl'));
  const before = await tree(root);
  const { host } = await open(root);
  await expect(host.writeFile('/etc/ours', 'x')).rejects.toMatchObject({ code: 'E_JOURNAL' });
  await host.close();
  expect(await tree(root)).toEqual(before);
});
