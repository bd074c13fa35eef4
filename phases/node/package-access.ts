import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import type { InstallPackage, OpenOptions, PackageImage, PackageManifest } from '../../src/package/types.ts';
import type { NodeRole, PackageAccess } from '../context.ts';
import { isUsable, recallUnpacked } from './unpacked.ts';

/** The package of a run. What an earlier run unpacked on this host is used unless another package is named. */
export function packageAccess(
  host: Host,
  location: string,
  openOptions: OpenOptions,
  role: NodeRole = 'control-plane',
): PackageAccess {
  let opened: Promise<InstallPackage> | undefined;
  const remembered = () => recallUnpacked(host);
  const open = () => {
    opened ??= (async () => {
      const source = location || remembered()?.root;
      if (!source) {
        throw new EdgeadmError('E_PACKAGE_SOURCE', 'no install package was named, and none is on this host', {
          hint: 'Pass --install-pkg-path FILE, FOLDER or URL; `edgeadm package build` makes one.',
        });
      }
      const { openPackage } = await import('../../src/package/open.ts');
      return openPackage(source, openOptions);
    })();
    return opened;
  };
  const root = async () => {
    const known = remembered();
    if (!known || !(await isUsable(host, known, role))) return undefined;
    if (location && (await open()).digest !== known.digest) return undefined;
    return known.root;
  };
  return {
    location: location || remembered()?.location,
    openOptions,
    open,
    async manifest() {
      return location || remembered() ? (await open()).manifest : undefined;
    },
    root,
    async images(): Promise<PackageImage[]> {
      const folder = await root();
      if (!folder) return host.dryRun ? (await open()).manifest.images : [];
      const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as PackageManifest;
      return manifest.images;
    },
  };
}
