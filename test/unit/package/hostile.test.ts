import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compressFrame } from '../../../src/package/archive/frames.ts';
import { openPackage } from '../../../src/package/open.ts';
import type { PackageManifest } from '../../../src/package/types.ts';
import { unpackPackage } from '../../../src/package/unpack.ts';
import { verifyPackage } from '../../../src/package/verify.ts';
import { fakePackage, type RawEntry, rawManifest, rawPackage } from '../../fakes/package.ts';
import { scratch } from './support.ts';

const GOOD = { 'bin/a': 'program a', 'cni/b': 'plugin b' };

function good(): RawEntry[] {
  return Object.entries(GOOD).map(([path, content]) => ({ path, content }));
}

/** A package whose manifest lists `listed`, and that holds `entries`. */
async function craft(
  folder: string,
  listed: Readonly<Record<string, string>>,
  entries: RawEntry[],
  change?: (manifest: PackageManifest) => unknown,
) {
  const manifest = { path: 'manifest.json', content: rawManifest(listed, change) };
  return rawPackage(join(folder, 'hostile.tar.zst'), [manifest, ...entries]);
}

/** Opens, then unpacks; whatever fails, nothing may be left behind, here or outside. */
async function unpackInto(folder: string, file: string) {
  const inside = join(folder, 'jail', 'deep');
  await mkdir(inside, { recursive: true });
  const before = await readdir(folder, { recursive: true });
  let failure: unknown;
  try {
    await unpackPackage(await openPackage(file), join(inside, 'target'));
  } catch (error) {
    failure = error;
  }
  if (failure !== undefined) expect(await readdir(folder, { recursive: true })).toEqual(before);
  return failure;
}

interface Case {
  what: string;
  code: 'E_PACKAGE_HOSTILE' | 'E_PACKAGE_CORRUPT' | 'E_HOST_WRITE';
  says: RegExp;
  listed?: Record<string, string>;
  entries?: RawEntry[];
  change?: (manifest: PackageManifest) => unknown;
}

const both = (path: string): Pick<Case, 'listed' | 'entries'> => ({
  listed: { ...GOOD, [path]: 'x' },
  entries: [...good(), { path, content: 'x' }].sort((a, b) => (a.path < b.path ? -1 : 1)),
});

const cases: Case[] = [
  { what: 'an absolute path', code: 'E_PACKAGE_HOSTILE', says: /absolute/, ...both('/etc/evil') },
  { what: '.. at the start', code: 'E_PACKAGE_HOSTILE', says: /leaves its folder/, ...both('../evil') },
  {
    what: '.. in the middle',
    code: 'E_PACKAGE_HOSTILE',
    says: /leaves its folder/,
    ...both('bin/../../evil'),
  },
  {
    what: '. as a part',
    code: 'E_PACKAGE_HOSTILE',
    says: /leaves its folder|goes round/,
    ...both('bin/./evil'),
  },
  { what: 'a backslash', code: 'E_PACKAGE_HOSTILE', says: /odd characters/, ...both('bin\\evil') },
  {
    what: 'a control character',
    code: 'E_PACKAGE_HOSTILE',
    says: /odd characters/,
    ...both('bin/ev\u001bil'),
  },
  {
    what: 'an absolute path only in the archive',
    code: 'E_PACKAGE_HOSTILE',
    says: /absolute/,
    entries: [...good(), { path: '/etc/evil', content: 'x' }],
  },
  {
    what: '.. only in the archive',
    code: 'E_PACKAGE_HOSTILE',
    says: /leaves its folder/,
    entries: [{ path: '../evil', content: 'x' }, ...good()],
  },
  {
    what: 'a symbolic link out of the tree',
    code: 'E_PACKAGE_HOSTILE',
    says: /SymbolicLink/,
    entries: [{ path: 'bin/a', type: 'SymbolicLink', linkpath: '/etc' }],
  },
  {
    what: 'a hard link',
    code: 'E_PACKAGE_HOSTILE',
    says: /Link/,
    entries: [{ path: 'bin/a', type: 'Link', linkpath: '/etc/passwd' }],
  },
  {
    what: 'a character device',
    code: 'E_PACKAGE_HOSTILE',
    says: /CharacterDevice/,
    entries: [{ path: 'bin/a', type: 'CharacterDevice' }],
  },
  {
    what: 'a block device',
    code: 'E_PACKAGE_HOSTILE',
    says: /BlockDevice/,
    entries: [{ path: 'bin/a', type: 'BlockDevice' }],
  },
  { what: 'a FIFO', code: 'E_PACKAGE_HOSTILE', says: /FIFO/, entries: [{ path: 'bin/a', type: 'FIFO' }] },
  {
    what: 'a directory',
    code: 'E_PACKAGE_HOSTILE',
    says: /Directory/,
    entries: [{ path: 'bin', type: 'Directory' }, ...good()],
  },
  {
    what: 'an entry that is not in the manifest',
    code: 'E_PACKAGE_HOSTILE',
    says: /bin\/more.*not in the manifest/,
    entries: [...good(), { path: 'bin/more', content: 'x' }],
  },
  {
    what: 'an entry twice in the archive',
    code: 'E_PACKAGE_HOSTILE',
    says: /bin\/a.*twice/,
    entries: [good()[0]!, good()[0]!, good()[1]!],
  },
  {
    what: 'an entry twice in the manifest',
    code: 'E_PACKAGE_HOSTILE',
    says: /twice/,
    change: ({ entries }) => entries.splice(1, 0, entries[0]!),
  },
  {
    what: 'names that differ in case only',
    code: 'E_PACKAGE_HOSTILE',
    says: /upper and lower case/,
    ...both('BIN/A'),
  },
  { what: 'an entry below a file', code: 'E_PACKAGE_HOSTILE', says: /below bin\/a/, ...both('bin/a/evil') },
  {
    what: 'the manifest in the manifest',
    code: 'E_PACKAGE_HOSTILE',
    says: /describes itself/,
    ...both('manifest.json'),
  },
  {
    what: 'an unsorted manifest',
    code: 'E_PACKAGE_CORRUPT',
    says: /sorted/,
    change: ({ entries }) => entries.reverse(),
  },
  {
    what: 'a huge declared size',
    code: 'E_HOST_WRITE',
    says: /no room/,
    change: ({ entries }) => (entries[0]!.size = 2 ** 52),
  },
  {
    what: 'a size beyond whole numbers',
    code: 'E_PACKAGE_CORRUPT',
    says: /whole number/,
    change: ({ entries }) => (entries[0]!.size = 1e300),
  },
  {
    what: 'a negative size',
    code: 'E_PACKAGE_CORRUPT',
    says: /whole number/,
    change: ({ entries }) => (entries[0]!.size = -1),
  },
  {
    what: 'content longer than declared',
    code: 'E_PACKAGE_CORRUPT',
    says: /bin\/a is 5000 bytes long, its manifest says 9/,
    entries: [{ path: 'bin/a', content: 'x'.repeat(5000) }, good()[1]!],
  },
  {
    what: 'content shorter than declared',
    code: 'E_PACKAGE_CORRUPT',
    says: /bin\/a is 1 bytes long/,
    entries: [{ path: 'bin/a', content: 'x' }, good()[1]!],
  },
  {
    what: 'other content of the same length',
    code: 'E_PACKAGE_CORRUPT',
    says: /SHA-256 of bin\/a/,
    entries: [{ path: 'bin/a', content: 'program b' }, good()[1]!],
  },
  {
    what: 'a setuid program',
    code: 'E_PACKAGE_CORRUPT',
    says: /mode 4755/,
    entries: [{ path: 'bin/a', content: GOOD['bin/a'], mode: 0o4755 }],
  },
  {
    what: 'a setuid mode in the manifest',
    code: 'E_PACKAGE_CORRUPT',
    says: /0755 or 0644/,
    change: ({ entries }) => (entries[0]!.mode = 0o4755),
  },
  {
    what: 'a missing entry in the middle',
    code: 'E_PACKAGE_CORRUPT',
    says: /lacks bin\/a/,
    entries: [good()[1]!],
  },
  {
    what: 'a missing entry at the end',
    code: 'E_PACKAGE_CORRUPT',
    says: /lacks cni\/b/,
    entries: [good()[0]!],
  },
  {
    what: 'a field that is not known',
    code: 'E_PACKAGE_CORRUPT',
    says: /runAfter is no known field/,
    change: (manifest) => Object.assign(manifest, { runAfter: 'rm -rf /' }),
  },
  {
    what: 'a field of an entry that is not known',
    code: 'E_PACKAGE_CORRUPT',
    says: /entries\[0\]: owner/,
    change: ({ entries }) => Object.assign(entries[0]!, { owner: 'root' }),
  },
  {
    what: 'a manifest of another schema',
    code: 'E_PACKAGE_CORRUPT',
    says: /schema/,
    change: (manifest) => Object.assign(manifest, { schema: 'v9' }),
  },
  {
    what: 'a checksum that is none',
    code: 'E_PACKAGE_CORRUPT',
    says: /sha256/,
    change: ({ entries }) => (entries[0]!.sha256 = 'none'),
  },
  {
    what: 'a blob that is not named after its content',
    code: 'E_PACKAGE_CORRUPT',
    says: /not named after/,
    ...both(`images/blobs/sha256/${'0'.repeat(64)}`),
  },
];

describe('a package that must not be trusted', () => {
  it.each(cases)('is refused: $what', async ({ code, says, listed = GOOD, entries = good(), change }) => {
    const folder = await scratch();
    const file = await craft(folder, listed, entries, change);
    const verified = openPackage(file).then((opened) => verifyPackage(opened));
    if (code !== 'E_HOST_WRITE')
      await expect(verified).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    else await expect(verified).rejects.toThrow();
    if (/not named after/.test(String(says))) return;
    expect(await unpackInto(folder, file)).toMatchObject({ code, message: expect.stringMatching(says) });
  });

  it('is taken when nothing is wrong with it', async () => {
    const folder = await scratch();
    expect(await unpackInto(folder, await craft(folder, GOOD, good()))).toBeUndefined();
  });

  it.each([
    ['no zstd at all', Buffer.from('#!/bin/sh\necho no package\n')],
    ['an empty file', Buffer.alloc(0)],
    ['a few bytes', Buffer.from([0x28, 0xb5, 0x2f])],
  ])('is refused: %s', async (_, bytes) => {
    const file = join(await scratch(), 'file');
    await writeFile(file, bytes);
    await expect(openPackage(file)).rejects.toMatchObject({ code: 'E_PACKAGE_CORRUPT' });
  });

  it('is refused: a tar without a manifest', async () => {
    const file = await rawPackage(join(await scratch(), 'file'), good());
    await expect(openPackage(file)).rejects.toMatchObject({
      message: expect.stringContaining('manifest.json'),
    });
  });

  it('is taken as far as its end: what was added behind it is never read', async () => {
    const folder = await scratch();
    const file = await craft(folder, GOOD, good());
    await writeFile(file, await compressFrame(Buffer.from('more')), { flag: 'a' });
    expect(await unpackInto(folder, file)).toBeUndefined();
  });

  it('is refused: a frame that unpacks to more than it says', async () => {
    const folder = await scratch();
    const file = join(folder, 'bomb');
    const frame = await compressFrame(Buffer.alloc(8 << 20));
    // Frame_Content_Size of a single-segment frame (RFC 8878, 3.1.1.1.4): from 8 MiB to 4096 bytes.
    const at = frame.indexOf(Buffer.from([0, 0, 0x80, 0]), 4);
    frame.writeUInt32LE(4096, at);
    await writeFile(file, frame);
    await expect(openPackage(file)).rejects.toMatchObject({ code: 'E_PACKAGE_CORRUPT' });
  });

  it('is refused: a frame that announces more than any has', async () => {
    const file = join(await scratch(), 'bomb');
    await writeFile(file, await compressFrame(Buffer.alloc(64 << 20)));
    await expect(openPackage(file)).rejects.toMatchObject({
      message: expect.stringContaining('larger than any'),
    });
  });
});

describe('a damaged package', { timeout: 120_000 }, () => {
  it('is found out by one flipped bit anywhere, unless the bit means nothing', async () => {
    const folder = await scratch();
    const { path, digest } = await fakePackage(folder);
    const bytes = await readFile(path);
    const step = Math.max(1, Math.floor(bytes.length / 40));
    for (let at = 0; at < bytes.length; at += step) {
      const spoilt = Buffer.from(bytes);
      spoilt[at]! ^= 1 << (at % 8);
      const file = join(folder, 'spoilt');
      await writeFile(file, spoilt);
      const outcome = await openPackage(file)
        .then(async (opened) => {
          await verifyPackage(opened);
          return opened.digest;
        })
        .catch((error) => error.code);
      // zstd has a few bits that its decoder does not look at; the content is then the same.
      const fine = outcome === 'E_PACKAGE_CORRUPT' || outcome === 'E_PACKAGE_HOSTILE' || outcome === digest;
      expect(fine, `bit at ${at} of ${bytes.length}: ${outcome}`).toBe(true);
    }
  });

  it('is found out when cut anywhere', async () => {
    const folder = await scratch();
    const { path } = await fakePackage(folder);
    const { length } = await readFile(path);
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.999]) {
      const file = await open(path, 'r+');
      await file.truncate(Math.floor(length * share));
      await file.close();
      const verified = openPackage(path).then((opened) => verifyPackage(opened));
      await expect(verified, `${share}`).rejects.toMatchObject({ code: 'E_PACKAGE_CORRUPT' });
      await fakePackage(folder);
    }
  });

  it('is found out when it changes between opening and reading', async () => {
    const folder = await scratch();
    const { path } = await fakePackage(folder);
    const opened = await openPackage(path);
    await craft(folder, GOOD, good()).then(async (other) => writeFile(path, await readFile(other)));
    await expect(verifyPackage(opened)).rejects.toMatchObject({
      message: expect.stringContaining('changed'),
    });
  });
});

describe('a folder that must not be trusted', () => {
  const spoil: [string, RegExp, (folder: string) => Promise<void>][] = [
    ['a file more', /not in the manifest/, (folder) => writeFile(join(folder, 'bin/more'), 'x')],
    ['other content', /SHA-256 of bin\/ctl/, (folder) => writeFile(join(folder, 'bin/ctl'), 'ctl v9.9.9\n')],
    [
      'a link in place of a file',
      /not a plain file/,
      async (folder) => {
        await rm(join(folder, 'bin/ctl'));
        await symlink('/etc/hostname', join(folder, 'bin/ctl'));
      },
    ],
    ['a missing file', /lacks bin\/ctl/, async (folder) => rm(join(folder, 'bin/ctl'))],
  ];
  it.each(spoil)('is refused: %s', async (_, says, change) => {
    const folder = await scratch();
    const { path } = await fakePackage(folder);
    const target = join(folder, 'unpacked');
    await unpackPackage(await openPackage(path), target);
    await verifyPackage(await openPackage(target));
    await change(target);
    await expect(openPackage(target).then((opened) => verifyPackage(opened))).rejects.toMatchObject({
      message: expect.stringMatching(says),
    });
  });
});
