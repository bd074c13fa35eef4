import { EdgeadmError } from '../../src/errors.ts';
import type { PackageNeeds } from '../../src/package/types.ts';
import { type Check, error, isControlPlane, isInit, type NodeSettings, warning } from './check.ts';

/**
 * Whether the manifest of the install package names all that this node needs: without a program nothing goes; an image may
 * come from a registry, where there is one.
 */
export const packageContents: Check<NodeSettings> = {
  name: 'PackageContents',
  async run(_host, settings, context) {
    const manifest = context.package;
    const needs = manifest && (await needsOf(settings, manifest.kubernetesVersion));
    if (!needs) return [];
    const paths = new Set(manifest.entries.map(({ path }) => path));
    const files = [...needs.binaries.map((name) => `bin/${name}`), ...needs.cni.map((name) => `cni/${name}`)];
    const missing = files.filter((path) => !paths.has(path));
    const names = new Set(manifest.images.map(({ name }) => name));
    const images = needs.images.filter((name) => !names.has(name));
    const build = '`edgeadm package build` makes a complete one, `edgeadm package verify` proves it.';
    return [
      ...(missing.length > 0 ? [error(`the install package lacks ${missing.join(', ')}`, build)] : []),
      ...(images.length > 0
        ? [
            warning(
              `the install package lacks ${images.length} images: ${images.join(', ')}`,
              `They will be pulled from a registry, if this host reaches one. ${build}`,
            ),
          ]
        : []),
    ];
  },
};

/** Undefined for a version that this edgeadm knows nothing of. */
async function needsOf(settings: NodeSettings, kubernetesVersion: string): Promise<PackageNeeds | undefined> {
  const { needsFor } = await import('../../src/package/needs.ts');
  const { edge } = settings;
  const endpoint = isInit(settings) ? settings.controlPlaneEndpoint : undefined;
  try {
    return await needsFor({
      kubernetesVersion,
      // Compared by a check of its own.
      arch: 'amd64',
      edge: edge.enabled,
      cni: edge.cni.name,
      ha: edge.ha.provider === 'kube-vip' && endpoint !== undefined,
      role: isControlPlane(settings) ? 'cluster' : 'node',
      addons: edge.addons,
    });
  } catch (thrown) {
    if (thrown instanceof EdgeadmError && thrown.code === 'E_CONFIG_INVALID') return undefined;
    throw thrown;
  }
}
