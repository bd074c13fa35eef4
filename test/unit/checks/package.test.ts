import { describe, expect, it } from 'vitest';
import type { NodeSettings } from '../../../phases/checks/check.ts';
import { packageContents } from '../../../phases/checks/package.ts';
import { needsFor } from '../../../src/package/needs.ts';
import type { PackageManifest } from '../../../src/package/types.ts';
import { healthyHost, initSettings, joinSettings, look, manifest } from './support.ts';

/** A manifest that names what a whole cluster needs, but for what is left out. */
async function complete(without: RegExp = /^$/): Promise<PackageManifest> {
  const kubernetesVersion = 'v1.36.3';
  const needs = await needsFor({ kubernetesVersion, arch: 'amd64', edge: true, cni: 'flannel', ha: true });
  const paths = [...needs.binaries.map((name) => `bin/${name}`), ...needs.cni.map((name) => `cni/${name}`)];
  return manifest({
    kubernetesVersion,
    entries: paths
      .filter((path) => !without.test(path))
      .map((path) => ({ path, size: 1, sha256: '', mode: 0o755 })),
    images: needs.images
      .filter((name) => !without.test(name))
      .map((name) => ({ name, digest: '', components: [] })),
  });
}

const find = async (without: RegExp, settings: NodeSettings = initSettings()) =>
  (await look(packageContents, healthyHost(), settings, await complete(without))).map(
    ({ level, message }) => `${level} ${message}`,
  );

describe('the contents of the package', () => {
  it('are enough, or not known', async () => {
    expect(await find(/^$/)).toEqual([]);
    expect(await look(packageContents, healthyHost(), initSettings())).toEqual([]);
    const other = manifest({ kubernetesVersion: 'v1.99.0' });
    expect(await look(packageContents, healthyHost(), initSettings(), other)).toEqual([]);
  });

  it('must have every program and CNI plugin', async () => {
    expect(await find(/^bin\/kubelet$|^cni\/flannel$/)).toEqual([
      'error the install package lacks bin/kubelet, cni/flannel',
    ]);
  });

  it('should have every image that this node needs', async () => {
    expect(await find(/etcd:/)).toEqual([
      expect.stringMatching(/^warning the install package lacks 1 images: .*etcd:/),
    ]);
    expect(await find(/etcd:/, joinSettings())).toEqual([]);
  });
});
