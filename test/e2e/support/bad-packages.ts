import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { needsFor } from '../../../src/package/needs.ts';
import type { PackageManifest } from '../../../src/package/types.ts';
import { type RawEntry, rawManifest, rawPackage } from '../../fakes/package.ts';
import type { TestNode } from './playground.ts';

/** Caches are no part of a snapshot. */
const folder = '/var/cache/bad-packages';

/** Makes a package file on this machine and copies it to a node. Gives its path there. */
export async function sendPackage(
  node: TestNode,
  make: (folder: string) => Promise<string>,
): Promise<string> {
  const here = await mkdtemp(join(tmpdir(), 'edgeadm-bad-package-'));
  try {
    const file = await make(here);
    const there = join(folder, `${basename(here)}-${basename(file)}`);
    await node.run(['install', '-D', '-m', '644', '/dev/stdin', there], { input: { path: file } });
    return there;
  } finally {
    await rm(here, { recursive: true });
  }
}

/** Names and contents of all programs that a node asks a package for, so that a package is refused for nothing else. */
export async function neededFiles(): Promise<Record<string, string>> {
  const { binaries, cni } = await needsFor({
    kubernetesVersion: 'v1.36.3',
    arch: 'amd64',
    edge: true,
    cni: 'flannel',
    ha: false,
  });
  const paths = [...binaries.map((name) => `bin/${name}`), ...cni.map((name) => `cni/${name}`)];
  return Object.fromEntries(paths.sort().map((path) => [path, `${path}\n`]));
}

/** A package with a manifest that lists `listed`, and after it any entries. */
export function craftPackage(
  here: string,
  listed: Readonly<Record<string, string>>,
  entries: readonly RawEntry[],
  change?: (manifest: PackageManifest) => unknown,
): Promise<string> {
  const manifest = { path: 'manifest.json', content: rawManifest(listed, change) };
  return rawPackage(join(here, 'package.tar.zst'), [manifest, ...entries]);
}

/** The first `share` of a package file of the node, in a file of its own. */
export async function cutPackage(node: TestNode, file: string, share: number): Promise<string> {
  const cut = join(folder, `cut-${share}.tar.zst`);
  await node.sh(`
    mkdir -p ${folder}
    head -c $(( $(stat -c %s ${file}) * ${Math.round(share * 1000)} / 1000 )) ${file} > ${cut}`);
  return cut;
}

/** A copy of a package file of the node with one bit the other way round: at a byte, or at a share of its length. */
export async function flipBit(
  node: TestNode,
  file: string,
  at: { byte: number } | { share: number },
): Promise<string> {
  const copy = join(folder, `flipped-${'byte' in at ? at.byte : at.share}.tar.zst`);
  const offset =
    'byte' in at ? `${at.byte}` : `$(( $(stat -c %s ${file}) * ${Math.round(at.share * 1000)} / 1000 ))`;
  await node.sh(`
    mkdir -p ${folder}
    cp ${file} ${copy}
    at=${offset}
    byte=$(od -An -tu1 -j $at -N 1 ${copy} | tr -d ' ')
    printf "\\\\$(printf %o $((byte ^ 16)))" | dd of=${copy} bs=1 seek=$at conv=notrunc status=none
    ! cmp -s ${file} ${copy}`);
  return copy;
}
