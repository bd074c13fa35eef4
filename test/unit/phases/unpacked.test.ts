import { describe, expect, it } from 'vitest';
import {
  isUsable,
  recallUnpacked,
  rememberUnpacked,
  unpackedIsOnDisk,
} from '../../../phases/node/unpacked.ts';
import { FakeHost } from '../../fakes/host.ts';

const root = '/var/lib/edgeadm/packages/d';
const bootFile = '/proc/sys/kernel/random/boot_id';

async function unpacked(partial: boolean) {
  const host = new FakeHost({ files: { [bootFile]: 'boot-1\n', [`${root}/manifest.json`]: '{}' } });
  await rememberUnpacked(host, { digest: 'd', root, location: 'p', ...(partial && { partial }) });
  return { host, usable: (role: 'edge' | 'control-plane') => isUsable(host, recallUnpacked(host)!, role) };
}

describe('a package that was unpacked', () => {
  it('is used in the same boot, and after another one only when it was on the disk', async () => {
    const { host, usable } = await unpacked(false);
    expect(await usable('control-plane')).toBe(true);
    host.put(bootFile, 'boot-2\n');
    expect(await usable('control-plane')).toBe(false);
    host.put(bootFile, 'boot-1\n');
    await unpackedIsOnDisk(host);
    host.put(bootFile, 'boot-2\n');
    expect(await usable('control-plane')).toBe(true);
    expect(recallUnpacked(host)).toEqual({ digest: 'd', root, location: 'p' });
  });

  it('has too little for a control plane when it was unpacked for an edge node', async () => {
    const { usable } = await unpacked(true);
    expect(await usable('edge')).toBe(true);
    expect(await usable('control-plane')).toBe(false);
  });

  it('is not used when it is gone', async () => {
    const { host, usable } = await unpacked(false);
    await host.remove(`${root}/manifest.json`);
    expect(await usable('edge')).toBe(false);
  });
});
