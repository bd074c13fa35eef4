import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { openPackage } from '../../../src/package/open.ts';
import type { PackageNeeds } from '../../../src/package/types.ts';
import { unpackPackage } from '../../../src/package/unpack.ts';
import { checkNeeds, verifyPackage } from '../../../src/package/verify.ts';
import { fakePackage } from '../../fakes/package.ts';
import { scratch } from './support.ts';

const NEEDS: PackageNeeds = {
  kubernetesVersion: 'v1.36.3',
  arch: 'amd64',
  binaries: ['kubelet', 'ctl'],
  cni: ['loopback'],
  images: ['registry.k8s.io/pause:3.10.2'],
};

describe('completeness', { timeout: 60_000 }, () => {
  it('is proven for what is there', async () => {
    const { path } = await fakePackage(await scratch());
    await verifyPackage(await openPackage(path), NEEDS);
  });

  it.each<[string, Partial<PackageNeeds>, string, RegExp]>([
    ['a program', { binaries: ['kubeadm'] }, 'E_PACKAGE_INCOMPLETE', /bin\/kubeadm/],
    ['a CNI plugin', { cni: ['flannel'] }, 'E_PACKAGE_INCOMPLETE', /cni\/flannel/],
    [
      'an image',
      { images: ['registry.k8s.io/etcd:3.6.8-0'] },
      'E_PACKAGE_INCOMPLETE',
      /image registry.k8s.io\/etcd:3.6.8-0/,
    ],
    [
      'several',
      { binaries: ['a'], cni: ['b'], images: ['c'] },
      'E_PACKAGE_INCOMPLETE',
      /bin\/a, cni\/b, image c/,
    ],
    ['the architecture', { arch: 'arm64' }, 'E_PACKAGE_MISMATCH', /amd64.*arm64/],
    ['the version', { kubernetesVersion: 'v1.35.0' }, 'E_PACKAGE_MISMATCH', /v1.36.3.*v1.35.0/],
  ])('names what lacks: %s', async (_, change, code, says) => {
    const { manifest } = await fakePackage(await scratch());
    const check = () => checkNeeds(manifest, { ...NEEDS, ...change });
    expect(check).toThrow(EdgeadmError);
    expect(check).toThrow(expect.objectContaining({ code, message: expect.stringMatching(says) }));
  });
});

describe('the signature', { timeout: 60_000 }, () => {
  const keys = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    return {
      signKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      publicKey: publicKey.export({ format: 'pem', type: 'spki' }) as string,
    };
  };

  it('is taken from its own key, in a file and in a folder', async () => {
    const folder = await scratch();
    const { signKey, publicKey } = keys();
    const { path } = await fakePackage(folder, { signKey });
    const opened = await openPackage(path, { publicKey });
    expect(opened.signed).toBe(true);
    await unpackPackage(opened, join(folder, 'target'));
    expect((await openPackage(join(folder, 'target'), { publicKey })).signed).toBe(true);
    expect((await openPackage(path)).signed).toBe(false);
  });

  it('is refused from another key, when missing, and over other bytes', async () => {
    const folder = await scratch();
    const { signKey, publicKey } = keys();
    const signed = await fakePackage(folder, { signKey });
    const refused = { code: 'E_PACKAGE_SIGNATURE' };
    await expect(openPackage(signed.path, { publicKey: keys().publicKey })).rejects.toMatchObject(refused);
    const unsigned = await fakePackage(folder, { name: 'unsigned.tar.zst' });
    await expect(openPackage(unsigned.path, { publicKey })).rejects.toMatchObject(refused);
    await unpackPackage(await openPackage(signed.path), join(folder, 'target'));
    const manifest = join(folder, 'target', 'manifest.json');
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('amd64', 'arm64'));
    await expect(openPackage(join(folder, 'target'), { publicKey })).rejects.toMatchObject(refused);
  });

  it('does not change the rest of the package', async () => {
    const folder = await scratch();
    const signed = await fakePackage(folder, { signKey: keys().signKey });
    const unsigned = await fakePackage(folder, { name: 'unsigned.tar.zst' });
    expect(signed.digest).toBe(unsigned.digest);
  });

  it.each([
    [
      'a key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ],
    ['no key', 'SECRET STUFF'],
  ])('refuses %s without showing it', async (_, signKey) => {
    const error = await fakePackage(await scratch(), { signKey: String(signKey) }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'E_PACKAGE_SIGNATURE' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(
      String(signKey).slice(0, 12),
    );
  });
});

describe('opening', () => {
  it.each([
    ['nothing', 'absent.tar.zst', /no such file/],
    ['a folder without a manifest', '', /no manifest.json/],
  ])('refuses %s', async (_, name, says) => {
    await expect(openPackage(join(await scratch(), name))).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
      message: expect.stringMatching(says),
    });
  });
});
