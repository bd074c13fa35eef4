import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parseMounts } from '../../../src/host/tree/mounts.ts';
import { canUnshare, never, open, temporaryRoot } from './helpers.ts';
import { snapshot } from './snapshot.ts';

test('a directory that was not there goes away, with the directories above it', async () => {
  const root = await temporaryRoot();
  const start = await snapshot(root);
  const { host } = await open(root);
  expect(await host.claimTree('/var/lib/cni/networks/cbr0')).toBe(true);
  expect(await host.claimTree('/var/lib/cni/networks/cbr0')).toBe(false);
  await fs.mkdir(path.join(root, 'var/lib/cni/networks/cbr0/a/b'), { recursive: true });
  await fs.writeFile(path.join(root, 'var/lib/cni/networks/cbr0/a/b/10.0.0.1'), 'x');
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  await host.forget();
  expect(await snapshot(root)).toEqual(start);
});

test('what others put beside it stays', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await host.claimTree('/opt/cni/bin');
  await fs.mkdir(path.join(root, 'opt/cni/bin'), { recursive: true });
  await fs.writeFile(path.join(root, 'opt/other'), 'x');
  await host.undoAll({ signal: never });
  expect(await fs.readdir(path.join(root, 'opt'))).toEqual(['other']);
});

test('with content, what was changed or removed comes back, byte for byte', async () => {
  const root = await temporaryRoot();
  const at = (name: string) => path.join(root, 'etc/kubernetes', name);
  await fs.mkdir(at('pki/etcd'), { recursive: true });
  await fs.chmod(at('pki'), 0o700);
  await fs.writeFile(at('pki/ca.key'), 'secret', { mode: 0o600 });
  await fs.writeFile(at('pki/changed'), 'old');
  await fs.writeFile(at('mode'), 'same', { mode: 0o640 });
  await fs.chown(at('mode'), 7, 8);
  await fs.symlink('pki/ca.key', at('link'));
  await fs.symlink('nowhere', at('relinked'));
  await fs.writeFile(at('becomes-directory'), 'file');
  const start = await snapshot(root, { without: ['/var/backups'] });

  const { host } = await open(root);
  await host.claimTree('/etc/kubernetes', { content: true });
  await fs.rm(at('pki/ca.key'));
  await fs.rm(at('pki/etcd'), { recursive: true });
  await fs.writeFile(at('pki/changed'), 'new');
  await fs.chmod(at('pki'), 0o755);
  await fs.chmod(at('mode'), 0o600);
  await fs.chown(at('mode'), 0, 0);
  await fs.rm(at('link'));
  await fs.rm(at('relinked'));
  await fs.symlink('elsewhere', at('relinked'));
  await fs.rm(at('becomes-directory'));
  await fs.mkdir(at('becomes-directory/deep'), { recursive: true });
  await fs.mkdir(at('manifests'));
  await fs.writeFile(at('manifests/etcd.yaml'), 'x');
  await fs.writeFile(Buffer.concat([Buffer.from(at('manifests/')), Buffer.from([0xff, 0xfe])]), 'not UTF-8');
  execFileSync('mkfifo', [at('fifo')]);
  const socket = net.createServer().listen(at('socket'));
  onTestFinished(() => void socket.close());

  const { warnings } = await host.undoAll({ signal: never });
  expect(warnings).toEqual([
    expect.stringMatching(/^\/etc\/kubernetes\/pki\/changed was changed; .*\/var\/backups\/edgeadm-reset-/),
  ]);
  await host.forget();
  expect(await snapshot(root, { without: ['/var/backups'] })).toEqual(start);
  const kept = await snapshot(path.join(root, 'var/backups'));
  expect(Object.keys(kept).some((name) => name.endsWith('/etc/kubernetes/pki/changed'))).toBe(true);
});

test('without content, what was there stays and what is gone is told', async () => {
  const root = await temporaryRoot();
  const at = (name: string) => path.join(root, 'var/lib/etcd', name);
  await fs.mkdir(at('member'), { recursive: true });
  await fs.writeFile(at('member/stays'), 'old');
  await fs.writeFile(at('member/goes'), 'old');
  const { host } = await open(root);
  await host.claimTree('/var/lib/etcd');
  await fs.writeFile(at('member/stays'), 'changed');
  await fs.rm(at('member/goes'));
  await fs.writeFile(at('member/added'), 'x');
  const { warnings } = await host.undoAll({ signal: never });
  expect(warnings).toEqual([expect.stringContaining('/var/lib/etcd/member/goes')]);
  expect(await fs.readdir(at('member'))).toEqual(['stays']);
  expect(await fs.readFile(at('member/stays'), 'utf8')).toBe('changed');
});

test('a claim follows a link to another disk', async () => {
  const root = await temporaryRoot();
  await fs.mkdir(path.join(root, 'data/containerd'), { recursive: true });
  await fs.writeFile(path.join(root, 'data/containerd/theirs'), 'x');
  await fs.symlink('/data/containerd', path.join(root, 'var/lib/containerd'));
  const start = await snapshot(root);
  const { host } = await open(root);
  await host.claimTree('/var/lib/containerd');
  await fs.mkdir(path.join(root, 'data/containerd/io.containerd'));
  await host.undoAll({ signal: never });
  await host.forget();
  expect(await snapshot(root)).toEqual(start);
});

test('a single file can be claimed', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await fs.mkdir(path.join(root, 'etc/cni/net.d'), { recursive: true });
  await host.claimTree('/etc/cni/net.d/10-flannel.conflist', { content: true });
  await fs.writeFile(path.join(root, 'etc/cni/net.d/10-flannel.conflist'), '{}');
  await fs.writeFile(path.join(root, 'etc/cni/net.d/99-theirs.conflist'), '{}');
  await host.undoAll({ signal: never });
  expect(await fs.readdir(path.join(root, 'etc/cni/net.d'))).toEqual(['99-theirs.conflist']);
});

test('a removed directory comes back whole', async () => {
  const root = await temporaryRoot();
  await fs.mkdir(path.join(root, 'etc/old/deep'), { recursive: true });
  await fs.writeFile(path.join(root, 'etc/old/deep/file'), 'x', { mode: 0o400 });
  const start = await snapshot(root);
  const { host } = await open(root);
  expect(await host.remove('/etc/old')).toBe(true);
  expect(await host.stat('/etc/old')).toBeUndefined();
  expect(await host.undoAll({ signal: never })).toMatchObject({ warnings: [] });
  await host.forget();
  expect(await snapshot(root)).toEqual(start);
});

test('a directory that was claimed by name only comes back whole, too', async () => {
  const root = await temporaryRoot();
  await fs.mkdir(path.join(root, 'etc/old'));
  await fs.writeFile(path.join(root, 'etc/old/file'), 'x');
  const start = await snapshot(root);
  const { host } = await open(root);
  await host.claimTree('/etc/old');
  await host.remove('/etc/old');
  await host.undoAll({ signal: never });
  await host.forget();
  expect(await snapshot(root)).toEqual(start);
});

test('a whole top-level directory cannot be claimed', async () => {
  const { host } = await open(await temporaryRoot());
  for (const at of ['/', '/etc', '/etc/../var', '/etc/']) {
    await expect(host.claimTree(at)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  }
});

test('thousands of files go in one undo', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await host.claimTree('/var/lib/containerd');
  for (let directory = 0; directory < 30; directory++) {
    const at = path.join(root, `var/lib/containerd/${directory}`);
    await fs.mkdir(at, { recursive: true });
    await Promise.all(
      Array.from({ length: 200 }, (_, file) => fs.writeFile(path.join(at, String(file)), '')),
    );
  }
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  expect(await host.stat('/var/lib/containerd')).toBeUndefined();
});

test('an immutable file is told and stays in the journal; the next reset removes it', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root);
  await host.claimTree('/var/lib/kubelet');
  const file = path.join(root, 'var/lib/kubelet/immutable');
  await fs.mkdir(path.dirname(file));
  await fs.writeFile(file, '');
  await fs.writeFile(path.join(root, 'var/lib/kubelet/other'), '');
  if (spawnSync('chattr', ['+i', file]).status !== 0) return;
  onTestFinished(() => void spawnSync('chattr', ['-i', file]));
  const first = await host.undoAll({ signal: never });
  expect(first.undone).toBe(0);
  expect(first.warnings).toEqual([
    expect.stringMatching(/tree:\/var\/lib\/kubelet .*immutable \(EPERM\).*chattr -i/),
  ]);
  expect(await host.list('/var/lib/kubelet')).toEqual(['immutable']);
  await host.forget();
  expect(events.at(-1)).toMatchObject({
    type: 'warning',
    message: expect.stringContaining('tree:/var/lib/kubelet'),
  });
  spawnSync('chattr', ['-i', file]);
  const again = await open(root);
  expect(await again.host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  await again.host.forget();
  expect(await again.host.list('/var/lib')).toEqual([]);
});

test.runIf(canUnshare)(
  'mounts made since are unmounted, busy ones too; mounts from before and their content stay',
  async () => {
    const script = path.join(import.meta.dirname, 'inside/mounts.ts');
    const args = ['--mount', '--propagation', 'private', process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    const { before, after, outside, warnings } = JSON.parse(stdout);
    expect(warnings).toEqual([]);
    expect(after).toEqual(before);
    expect(outside).toEqual(['precious']);
  },
);

test('mount points are read with their escapes', () => {
  const text =
    '36 35 98:0 / /mnt/with\\040space rw,noatime shared:1 - ext4 /dev/root rw\n37 35 0:5 /x /proc/y rw - proc proc rw\n';
  expect(parseMounts(text)).toEqual([
    { point: '/mnt/with space', type: 'ext4', source: '/dev/root' },
    { point: '/proc/y', type: 'proc', source: 'proc' },
  ]);
});
