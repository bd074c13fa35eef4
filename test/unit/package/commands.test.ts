import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageBuild, packageInspect, packageVerify } from '../../../src/commands/package.ts';
import { loadCatalogue } from '../../../src/package/catalogue/load.ts';
import type { Component } from '../../../src/package/catalogue/types.ts';
import { fakeCatalogue, fakePackage } from '../../fakes/package.ts';
import { scratch } from './support.ts';

const run = { emit() {}, signal: new AbortController().signal };

/** A fake of everything that the real catalogue has, without edgeadm's own image. */
async function complete(folder: string, without?: string) {
  const { components } = await loadCatalogue('1.36');
  const all = components
    .filter(({ name }) => name !== 'node-libraries')
    .map((component): Component => {
      const programs = Object.fromEntries(
        [...Object.keys({ ...component.build.go?.programs, ...component.build.c?.programs })].map((name) => [
          name,
          name,
        ]),
      );
      const go = {
        module: 'm',
        wrapper: '',
        require: [],
        cgo: false,
        tags: [],
        ldflags: [],
        headers: {},
        programs,
      };
      return { ...component, build: { go }, bin: component.bin.filter((name) => name !== without) };
    });
  // Of another architecture: its kubeadm is not asked what it needs.
  const arch = process.arch === 'arm64' ? 'amd64' : 'arm64';
  return fakePackage(folder, { arch, catalogue: { ...fakeCatalogue(), components: all } });
}

describe('edgeadm package verify', { timeout: 60_000 }, () => {
  it('names the program that a cluster with defaults lacks', async () => {
    const { path } = await complete(await scratch(), 'kubelet');
    await expect(packageVerify(path, {}, run)).rejects.toMatchObject({
      code: 'E_PACKAGE_INCOMPLETE',
      message: expect.stringContaining('bin/kubelet'),
    });
  });

  it('compares with the configuration', async () => {
    const folder = await scratch();
    const { path } = await complete(folder);
    const config = join(folder, 'cluster.yaml');
    await writeFile(
      config,
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.4\n',
    );
    await expect(packageVerify(path, { config }, run)).rejects.toMatchObject({ code: 'E_PACKAGE_MISMATCH' });
  });

  it('refuses an unreadable key without a word of it', async () => {
    const { path } = await fakePackage(await scratch());
    await expect(packageVerify(path, { publicKey: '/absent.pub' }, run)).rejects.toMatchObject({
      code: 'E_PACKAGE_SIGNATURE',
      message: 'cannot read the key /absent.pub: ENOENT',
    });
  });

  it('takes keys as openssl writes them', async () => {
    const folder = await scratch();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signKey = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const built = await fakePackage(folder, { signKey });
    const file = join(folder, 'key.pub');
    await writeFile(file, publicKey.export({ format: 'pem', type: 'spki' }));
    // The signature is checked first; then this small package lacks nearly everything.
    await expect(packageVerify(built.path, { publicKey: file }, run)).rejects.toMatchObject({
      code: 'E_PACKAGE_INCOMPLETE',
    });
    execFileSync('tar', ['--zstd', '-xf', built.path, '-C', folder, 'manifest.json', 'manifest.json.sig']);
    const raw = join(folder, 'raw.sig');
    execFileSync('openssl', ['base64', '-d', '-A', '-in', join(folder, 'manifest.json.sig'), '-out', raw]);
    const args = [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      file,
      '-rawin',
      '-in',
      join(folder, 'manifest.json'),
      '-sigfile',
      raw,
    ];
    expect(execFileSync('openssl', args, { encoding: 'utf8' })).toContain('Verified Successfully');
  });
});

describe('edgeadm package inspect', { timeout: 60_000 }, () => {
  it('tells what is in it', async () => {
    const { path, digest } = await fakePackage(await scratch());
    const { text, manifest, ...rest } = await packageInspect(path, run);
    expect(rest).toMatchObject({ location: path, digest });
    expect(text).toMatch(/Kubernetes v1.36.3, amd64/);
    expect(text).toContain('registry.k8s.io/pause:3.10.2');
    expect(text).toMatch(/plugins\s+v1.0.0\s+Apache-2.0/);
    expect(manifest.entries.length).toBeGreaterThan(5);
  });
});

describe('edgeadm package build', () => {
  it.each([
    ['a mirror for the gomod source', { mirror: ['https://m.example'] }, 'E_USAGE'],
    ['a version that is not in the catalogue', { kubernetesVersion: 'v1.22.6' }, 'E_CONFIG_INVALID'],
    ['a key that is not there', { signKey: '/absent.pem' }, 'E_PACKAGE_SIGNATURE'],
    ['a mirror that is no address', { source: 'release', mirror: ['ftp://x'] } as const, 'E_USAGE'],
  ])('refuses %s before it builds', async (_, options, code) => {
    await expect(packageBuild(options, run)).rejects.toMatchObject({ code });
  });
});
