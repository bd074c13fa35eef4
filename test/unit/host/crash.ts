import fs, { type FileHandle } from 'node:fs/promises';
import { onTestFinished } from 'vitest';

const calls = [
  ...['rename', 'rm', 'mkdir', 'rmdir', 'chmod', 'chown', 'lchown', 'link', 'symlink', 'copyFile', 'utimes'],
  ...['writeFile'],
] as (keyof typeof fs)[];
const handleCalls = [
  'write',
  'writeFile',
  'datasync',
  'sync',
  'truncate',
  'chmod',
  'chown',
  'utimes',
] as (keyof FileHandle)[];

/** Stops the world of node:fs/promises at the n-th call that changes something, as a kill would: nothing after it happens. */
export interface Crash {
  /** Resolves when the point is reached. */
  reached: Promise<void>;
  /** Calls seen so far. */
  count(): number;
  /** Lets a new life begin; files that the old one left open are closed. */
  end(): void;
}

/**
 * `point` counts from 1; `before` is whether the n-th call itself is left out. Calls after it never return, so the code
 * under test cannot tidy up. `only` limits it to one method (`datasync`: the journal's intents).
 */
export async function crashAt(
  point: number,
  options: { before?: boolean; only?: string } = {},
): Promise<Crash> {
  const probe = await fs.open('/dev/null');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  let seen = 0;
  let dead = false;
  let reach = (): void => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const forever = new Promise<never>(() => {});
  const restore: (() => void)[] = [];
  const patch = (target: object, name: string): void => {
    const original = (target as Record<string, unknown>)[name] as (...args: unknown[]) => Promise<unknown>;
    const patched = function (this: unknown, ...args: unknown[]): Promise<unknown> {
      if (dead) return forever;
      if (options.only !== undefined && options.only !== name) return original.apply(this, args);
      if (++seen < point) return original.apply(this, args);
      dead = true;
      const last = options.before ? Promise.resolve() : original.apply(this, args);
      return last
        .then(
          () => reach(),
          () => reach(),
        )
        .then(() => forever);
    };
    Object.assign(target, { [name]: patched });
    restore.push(() => Object.assign(target, { [name]: original }));
  };
  for (const name of calls) patch(fs, name);
  for (const name of handleCalls) patch(prototype, String(name));
  const opened: FileHandle[] = [];
  const open = fs.open;
  Object.assign(fs, {
    open: async (...args: Parameters<typeof open>) => {
      const handle = await open(...args);
      opened.push(handle);
      return handle;
    },
  });
  restore.push(() => Object.assign(fs, { open }));
  const end = (): void => {
    for (const undo of restore.splice(0)) undo();
    for (const handle of opened) void handle.close().catch(() => {});
  };
  onTestFinished(end);
  return { reached, count: () => seen, end };
}
