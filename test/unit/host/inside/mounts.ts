/**
 * Runs in a mount namespace of its own: claims a tree with a mount in it, mounts more as kubelet and containerd would
 * (a busy tmpfs, a bind mount of somebody's data, a mount over the first), undoes, and prints mounts and files as JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openHost } from '../../../../src/host/open.ts';
import { snapshot } from '../snapshot.ts';

const top = fs.mkdtempSync(path.join(os.tmpdir(), 'edgeadm-mounts-'));
const root = path.join(top, 'root');
const outside = path.join(top, 'outside');
const kubelet = path.join(root, 'var/lib/kubelet');
fs.mkdirSync(path.join(kubelet, 'theirs'), { recursive: true });
fs.mkdirSync(outside);
fs.mkdirSync(path.join(root, 'run'));
fs.writeFileSync(path.join(outside, 'precious'), 'x');
const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'inherit' });

mount('-t', 'tmpfs', 'tmpfs', path.join(kubelet, 'theirs'));
fs.writeFileSync(path.join(kubelet, 'theirs/data'), 'x');

async function state(): Promise<unknown> {
  const mounts = fs
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(top));
  const points = mounts.map((line) => line.split(' ')[4]?.slice(top.length));
  return { points, files: await snapshot(root) };
}

const before = await state();
const host = await openHost({ emit: () => {}, command: 'edgeadm test', root });
await host.claimTree('/var/lib/kubelet');
await host.claimTree('/run/containerd');

const pod = path.join(kubelet, 'pods/1/volumes/with space');
fs.mkdirSync(pod, { recursive: true });
mount('-t', 'tmpfs', 'tmpfs', pod);
const inner = path.join(pod, 'inner');
fs.mkdirSync(inner);
mount('--bind', outside, inner);
mount('--bind', path.join(kubelet, 'theirs'), path.join(kubelet, 'theirs'));
const busy = path.join(root, 'run/containerd/busy');
fs.mkdirSync(busy, { recursive: true });
mount('-t', 'tmpfs', 'tmpfs', busy);
fs.writeFileSync(path.join(busy, 'file'), 'x');
const child = spawn('sleep', ['60'], { cwd: busy, stdio: 'ignore' });
const over = path.join(root, 'run/containerd');
mount('-t', 'tmpfs', 'tmpfs', over);
fs.writeFileSync(path.join(over, 'hidden'), 'x');

const { warnings } = await host.undoAll({ signal: new AbortController().signal });
await host.forget();
const after = await state();
child.kill('SIGKILL');
const left = fs.readdirSync(outside);
execFileSync('umount', [path.join(kubelet, 'theirs')]);
fs.rmSync(top, { recursive: true });
process.stdout.write(JSON.stringify({ before, after, outside: left, warnings }));
