/**
 * Runs in a mount namespace of its own: small, full and read-only file systems under a host, and files that are mount
 * points. Prints what the host said and what it left as JSON, one object with a field for each case.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openHost } from '../../../../src/host/open.ts';
import { snapshot } from '../snapshot.ts';

const report: Record<string, unknown> = {};
const { signal } = new AbortController();

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'inherit' });
}

function newRoot(): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'edgeadm-refused-'));
  mount('-t', 'tmpfs', 'tmpfs', root);
  for (const directory of ['etc', 'run', 'var/lib', 'var/backups'])
    fs.mkdirSync(path.join(root, directory), { recursive: true });
  return root;
}

const open = (root: string) => openHost({ emit: () => {}, command: 'edgeadm test', root });

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => ({ value }),
    ({ code, message, hint }) => ({ code, message, hint }),
  );
}

/** Fills a file system to the last byte and inode block. */
function fill(directory: string): void {
  const fd = fs.openSync(path.join(directory, 'filler'), 'w');
  try {
    for (const size of [65536, 4096, 1]) for (;;) fs.writeSync(fd, Buffer.alloc(size));
  } catch {
    fs.closeSync(fd);
  }
}

{
  const root = newRoot();
  mount('-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path.join(root, 'etc'));
  const host = await open(root);
  const error = await failure(host.writeFile('/etc/big', 'x'.repeat(1_000_000)));
  report.fullTarget = { error, left: fs.readdirSync(path.join(root, 'etc')) };
  await host.undoAll({ signal });
  await host.forget();
}
{
  const root = newRoot();
  mount('-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', path.join(root, 'var/lib'));
  const host = await open(root);
  await host.writeFile('/etc/first', 'x');
  fill(path.join(root, 'var/lib'));
  // The journal's last page still has room for some lines.
  let error: unknown;
  let names: string[] = [];
  for (let n = 0; n < 100; n++) {
    names = fs.readdirSync(path.join(root, 'etc'));
    error = await failure(host.writeFile(`/etc/next-${n}`, 'x'));
    if (!('value' in (error as object))) break;
  }
  const unchanged = JSON.stringify(fs.readdirSync(path.join(root, 'etc'))) === JSON.stringify(names);
  await host.close();
  const again = await open(root);
  const { warnings } = await again.undoAll({ signal });
  await again.forget();
  const left = fs.readdirSync(path.join(root, 'etc'));
  report.fullState = { error, unchanged, warnings, left, state: fs.readdirSync(path.join(root, 'var/lib')) };
}
{
  const root = newRoot();
  mount('--bind', path.join(root, 'etc'), path.join(root, 'etc'));
  mount('-o', 'remount,ro,bind', path.join(root, 'etc'));
  const host = await open(root);
  report.readOnly = {
    write: await failure(host.writeFile('/etc/file', 'x')),
    directory: await failure(host.makeDirectory('/etc/directory')),
    link: await failure(host.symlink('x', '/etc/link')),
    undo: await host.undoAll({ signal }),
  };
  await host.forget();
}
{
  const root = newRoot();
  const hosts = path.join(root, 'etc/hosts');
  fs.writeFileSync(path.join(root, 'hosts'), '127.0.0.1 localhost\n');
  fs.writeFileSync(hosts, '');
  mount('--bind', path.join(root, 'hosts'), hosts);
  fs.writeFileSync(path.join(root, 'etc/second'), 'second');
  mount('--bind', path.join(root, 'etc/second'), path.join(root, 'etc/second'));
  const start = await snapshot(root);
  const host = await open(root);
  await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 one']);
  await host.writeFile('/etc/second', 'a longer text than before');
  const edited = fs.readFileSync(hosts, 'utf8');
  // A kill while the file is written leaves a part of it, and no mark that it was done.
  const journal = path.join(root, 'var/lib/edgeadm/journal.jsonl');
  const lines = fs.readFileSync(journal, 'utf8').trimEnd().split('\n');
  fs.writeFileSync(journal, `${lines.slice(0, 4).join('\n')}\n`);
  fs.writeFileSync(path.join(root, 'etc/second'), 'a long');
  for (const name of fs.readdirSync(path.join(root, 'run'))) fs.rmSync(path.join(root, 'run', name));
  const again = await open(root);
  const finished = fs.readFileSync(path.join(root, 'etc/second'), 'utf8');
  const { warnings } = await again.undoAll({ signal });
  await again.forget();
  const end = await snapshot(root);
  report.mountPoints = { edited, finished, warnings, same: JSON.stringify(start) === JSON.stringify(end) };
}
process.stdout.write(JSON.stringify(report));
