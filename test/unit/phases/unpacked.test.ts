import { describe, expect, it } from 'vitest';
import type { NodeRole } from '../../../phases/context.ts';
import {
  isUsable,
  recallUnpacked,
  rememberUnpacked,
  unpackedIsOnDisk,
} from '../../../phases/node/unpacked.ts';
import { FakeHost } from '../../fakes/host.ts';

const root = '/var/lib/edgeadm/packages/d';
const bootFile = '/proc/sys/kernel/random/boot_id';

async function unpacked(unpackedFor?: NodeRole) {
  const host = new FakeHost({ files: { [bootFile]: 'boot-1\n', [`${root}/manifest.json`]: '{}' } });
  await rememberUnpacked(host, {
    digest: 'd',
    root,
    location: 'p',
    ...(unpackedFor && { role: unpackedFor }),
  });
  return { host, usable: (role: NodeRole) => isUsable(host, recallUnpacked(host)!, role) };
}

describe('a package that was unpacked', () => {
  it('is used in the same boot, and after another one only when it was on the disk', async () => {
    const { host, usable } = await unpacked();
    expect(await usable('control-plane')).toBe(true);
    host.put(bootFile, 'boot-2\n');
    expect(await usable('control-plane')).toBe(false);
    host.put(bootFile, 'boot-1\n');
    await unpackedIsOnDisk(host);
    host.put(bootFile, 'boot-2\n');
    expect(await usable('control-plane')).toBe(true);
    expect(recallUnpacked(host)).toEqual({ digest: 'd', root, location: 'p' });
  });

  it('may have too little for a node of another role', async () => {
    const { usable } = await unpacked('worker');
    expect(await usable('worker')).toBe(true);
    expect(await usable('edge')).toBe(false);
    expect(await usable('control-plane')).toBe(false);
  });

  it('is not used when it is gone', async () => {
    const { host, usable } = await unpacked();
    await host.remove(`${root}/manifest.json`);
    expect(await usable('edge')).toBe(false);
  });
});
