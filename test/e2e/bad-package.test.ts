import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakePackage, type RawEntry } from '../fakes/package.ts';
import { craftPackage, cutPackage, flipBit, neededFiles, sendPackage } from './support/bad-packages.ts';
import { initArguments } from './support/cluster.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { refused } from './support/refused.ts';
import type { Snapshot } from './support/snapshot.ts';

function pemKeys(): { signKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    signKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    publicKey: publicKey.export({ format: 'pem', type: 'spki' }) as string,
  };
}

/** Entries that no package has; `good` are those that its manifest lists. */
const hostile: { what: string; says: RegExp; entries(good: RawEntry[]): RawEntry[] }[] = [
  {
    what: 'an absolute path',
    says: /"\/etc\/evil" has an absolute path/,
    entries: (good) => [...good, { path: '/etc/evil', content: 'x' }],
  },
  {
    what: '.. in a path',
    says: /"bin\/..\/..\/..\/..\/..\/etc\/evil" has a path that leaves its folder/,
    entries: (good) => [...good, { path: 'bin/../../../../../etc/evil', content: 'x' }],
  },
  {
    what: 'a link out of the tree',
    says: /"bin\/containerd" is of type SymbolicLink/,
    entries: ([first, ...rest]) => [
      { path: first!.path, type: 'SymbolicLink', linkpath: '/etc' },
      { path: `${first!.path}/evil`, content: 'x' },
      ...rest,
    ],
  },
  {
    what: 'a device node behind good entries',
    says: /"bin\/runc" is of type BlockDevice/,
    entries: (good) =>
      good.map((entry) => (entry.path === 'bin/runc' ? { path: entry.path, type: 'BlockDevice' } : entry)),
  },
];

describe('a package that cannot be trusted is refused, and the host left as it is', () => {
  let playground: TestPlayground;
  let node: TestNode;
  let init: string[];
  let before: Snapshot;
  let listed: Record<string, string>;
  let good: RawEntry[];

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 0 });
    node = playground.controlPlane;
    init = (await initArguments(playground)).slice(0, 3);
    before = await node.snapshot();
    listed = await neededFiles();
    good = Object.entries(listed).map(([path, content]) => ({ path, content }));
  });
  afterAll(() => playground?.delete());

  /** `edgeadm init` with a package must fail so, with `says` in what the user reads. */
  async function refuses(
    file: string,
    expected: { exitCode?: number; code: string; says: (string | RegExp)[] },
    more: readonly string[] = [],
    command: readonly string[] = init,
  ): Promise<void> {
    const { exitCode = 1, code, says } = expected;
    const refusal = await refused(node, before, { args: [...command, '--install-pkg-path', file, ...more] });
    expect({ exitCode: refusal.exitCode, code: refusal.code }, refusal.text).toEqual({ exitCode, code });
    for (const each of says) expect(refusal.text).toMatch(each);
  }

  test('nothing at that place', async () => {
    const says = ['/opt/none.tar.zst: no such file or folder', '--install-pkg-path', 'edgeadm package build'];
    await refuses('/opt/none.tar.zst', { code: 'E_PACKAGE_SOURCE', says });
  });

  test('cut shortly before its end', async () => {
    const file = await cutPackage(node, playground.packagePath, 0.999);
    const says = [file, /ends too early/, 'Copy or download it again'];
    await refuses(file, { code: 'E_PACKAGE_CORRUPT', says });
  });

  test('cut in its manifest', async () => {
    const file = await cutPackage(node, playground.packagePath, 0.00001);
    await refuses(file, { code: 'E_PACKAGE_CORRUPT', says: [file, 'Copy or download it again'] });
  });

  test('one flipped bit in the middle', async () => {
    const file = await flipBit(node, playground.packagePath, { share: 0.5 });
    await refuses(file, { code: 'E_PACKAGE_CORRUPT', says: [file, 'Copy or download it again'] });
  });

  test('one flipped bit in the manifest', async () => {
    const file = await flipBit(node, playground.packagePath, { byte: 3000 });
    await refuses(file, { code: 'E_PACKAGE_CORRUPT', says: [file, 'Copy or download it again'] });
  });

  test.for(hostile)('$what', async ({ entries, says }) => {
    const file = await sendPackage(node, (here) => craftPackage(here, listed, entries(good)));
    const hint = 'find out where it came from';
    await refuses(file, { code: 'E_PACKAGE_HOSTILE', says: [file, says, hint] });
  });

  describe('for another machine:', () => {
    const forArm = (here: string) =>
      craftPackage(here, listed, good, (manifest) => {
        manifest.arch = 'arm64';
      });

    test('in the checks', async () => {
      const says = ['Arch', 'for arm64, this host is amd64', 'edgeadm package build --arch amd64'];
      await refuses(await sendPackage(node, forArm), { exitCode: 2, code: 'E_PREFLIGHT', says });
    });

    test('by the phase alone', async () => {
      const says = ['for arm64', 'amd64', 'edgeadm package build --arch amd64'];
      const phase = ['init', 'phase', 'package', ...init.slice(1)];
      await refuses(await sendPackage(node, forArm), { code: 'E_PACKAGE_MISMATCH', says }, [], phase);
    });
  });

  test('without a program that is needed', async () => {
    const { 'bin/kubelet': _, ...rest } = listed;
    const file = await sendPackage(node, (here) =>
      craftPackage(
        here,
        rest,
        good.filter(({ path }) => path !== 'bin/kubelet'),
      ),
    );
    const says = ['PackageContents', 'lacks bin/kubelet', 'edgeadm package build'];
    await refuses(file, { exitCode: 2, code: 'E_PREFLIGHT', says });
    const phase = ['init', 'phase', 'package', ...init.slice(1)];
    await refuses(file, { code: 'E_PACKAGE_INCOMPLETE', says: ['bin/kubelet'] }, [], phase);
  });

  describe('with --package-public-key:', () => {
    const key = '/var/cache/edgeadm.pub';
    const keys = pemKeys();

    beforeAll(() => node.write(key, keys.publicKey));

    test('not signed', async () => {
      const says = [playground.packagePath, 'is not signed', 'matching key'];
      const expected = { code: 'E_PACKAGE_SIGNATURE', says };
      await refuses(playground.packagePath, expected, ['--package-public-key', key]);
    });

    test('signed with another key', async () => {
      const { signKey } = pemKeys();
      const file = await sendPackage(node, async (here) => (await fakePackage(here, { signKey })).path);
      const says = [file, 'was not signed with the given key', 'matching key'];
      await refuses(file, { code: 'E_PACKAGE_SIGNATURE', says }, ['--package-public-key', key]);
    });

    test('a file that is no key', async () => {
      const says = ['no Ed25519 key', 'openssl genpkey -algorithm ed25519'];
      const { signKey } = keys;
      const file = await sendPackage(node, async (here) => (await fakePackage(here, { signKey })).path);
      const more = ['--package-public-key', '/etc/hostname'];
      await refuses(file, { code: 'E_PACKAGE_SIGNATURE', says }, more);
    });

    test('a key that is not there', async () => {
      const says = ['/etc/no.pub', 'ENOENT', '--package-public-key'];
      const expected = { exitCode: 3, code: 'E_CONFIG_INVALID', says };
      await refuses(playground.packagePath, expected, ['--package-public-key', '/etc/no.pub']);
    });
  });

  test('a good one is unpacked after all that', async () => {
    const args = ['init', 'phase', 'package', ...init.slice(1), '--install-pkg-path', playground.packagePath];
    const { result, output } = await node.edgeadm(args);
    expect(result, output.join('\n')).toMatchObject({ ok: true });
    expect((await node.run(['kubeadm', 'version', '-o', 'short'])).stdout).toMatch(/^v1\.36\./);
  });
});
