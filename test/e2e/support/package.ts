import { packageBuild } from '../../../src/commands/package.ts';

const built = new Map<string, Promise<string>>();

/**
 * Path of an install package of this checkout: EDGEADM_TEST_PACKAGE, or one that is built now (seconds when the
 * components are in the cache).
 */
export function testPackage(kubernetesVersion?: string): Promise<string> {
  const given = process.env.EDGEADM_TEST_PACKAGE;
  if (given && kubernetesVersion === undefined) return Promise.resolve(given);
  const key = kubernetesVersion ?? '';
  let path = built.get(key);
  if (!path) {
    path = packageBuild(
      { ...(kubernetesVersion && { kubernetesVersion }) },
      { emit() {}, signal: new AbortController().signal },
    ).then((result: { path: string }) => result.path);
    built.set(key, path);
  }
  return path;
}
