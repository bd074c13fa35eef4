import fs from 'node:fs/promises';
import os from 'node:os';
import type { Entry } from '../journal/journal.ts';
import { change, type Seam, unchanged } from '../seam.ts';

/** Loads a kernel module unless it is loaded, built in, or this kernel has no loadable modules at all. */
export async function loadModule(seam: Seam, name: string): Promise<boolean> {
  const key = `module:${name}`;
  const { view } = seam;
  const modules = view.real(`/lib/modules/${os.release()}`);
  if (await isLoaded(seam, name)) return unchanged(seam, key);
  if (!(await exists(modules))) return unchanged(seam, key);
  const builtin = (await fs.readFile(`${modules}/modules.builtin`, 'utf8').catch(() => '')).split('\n');
  if (builtin.some((line) => moduleName(line) === normal(name))) return unchanged(seam, key);
  return change(
    seam,
    {
      kind: 'module',
      key,
      before: async () => ({ loaded: false }),
      after: { loaded: true },
      action: 'module',
      target: name,
      summary: 'load',
    },
    async () => {
      await seam.execute({ file: 'modprobe', args: ['--', name] });
    },
  );
}

/** Unloads the module when nothing uses it. Bridges that others made keep br_netfilter in use, though its count says 0. */
export async function undoModule(seam: Seam, _entry: Entry, name: string): Promise<void> {
  const own = seam.view.real(`/sys/module/${normal(name)}`);
  const count = await fs.readFile(`${own}/refcnt`, 'utf8').catch(() => undefined);
  if (count === undefined || count.trim() !== '0') return;
  if (normal(name) === 'br_netfilter' && (await hasBridge(seam))) return;
  await seam.execute({ file: 'rmmod', args: [name] }, { allowFailure: true });
}

async function isLoaded(seam: Seam, name: string): Promise<boolean> {
  if (await exists(seam.view.real(`/sys/module/${normal(name)}`))) return true;
  const loaded = await fs.readFile(seam.view.real('/proc/modules'), 'utf8').catch(() => '');
  if (loaded.split('\n').some((line) => line.split(' ')[0] === normal(name))) return true;
  const filesystems = await fs.readFile(seam.view.real('/proc/filesystems'), 'utf8').catch(() => '');
  return filesystems.split('\n').some((line) => line.split('\t')[1] === name);
}

async function hasBridge(seam: Seam): Promise<boolean> {
  const links = seam.view.real('/sys/class/net');
  for (const link of await fs.readdir(links).catch(() => [])) {
    if (await exists(`${links}/${link}/bridge`)) return true;
  }
  return false;
}

/** `kernel/net/bridge/br_netfilter.ko` is `br_netfilter`. */
function moduleName(line: string): string {
  return normal((line.split('/').pop() ?? '').replace(/\.ko(\.\w+)?$/, ''));
}

/** The kernel writes module names with underscores. */
function normal(name: string): string {
  return name.replaceAll('-', '_');
}

function exists(real: string): Promise<boolean> {
  return fs.access(real).then(
    () => true,
    () => false,
  );
}
