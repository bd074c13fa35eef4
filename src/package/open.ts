import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import { corrupt } from './archive/frames.ts';
import { readPackageTar } from './archive/read.ts';
import { sha256Hex } from './hash.ts';
import { MANIFEST, parseManifest, SIGNATURE } from './manifest.ts';
import { naming } from './naming.ts';
import { manifestSignedBy } from './sign.ts';
import type { InstallPackage, OpenOptions } from './types.ts';

/** More than any manifest needs; keeps a hostile one out of memory. */
const MAX_MANIFEST = 8 << 20;

/**
 * Opens an install package: a file, a folder (unpacked) or an http(s) URL, which is downloaded first. Only the manifest
 * and its signature are read and checked; `verifyPackage` and `unpackPackage` check the rest.
 * Errors: E_PACKAGE_SOURCE, E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE, E_PACKAGE_SIGNATURE.
 */
export async function openPackage(location: string, options: OpenOptions = {}): Promise<InstallPackage> {
  const path = await localPath(location, options);
  const folder = (await found(path, location)).isDirectory();
  return naming(location, async () => {
    const { manifest, signature } = folder
      ? await readHeadOfFolder(path)
      : await readHeadOfFile(path, options.signal);
    const signed = checkSignature(manifest, signature, location, options.publicKey);
    return {
      manifest: parseManifest(manifest),
      digest: sha256Hex(manifest),
      signed,
      location,
      path,
      folder,
    };
  });
}

async function localPath(location: string, options: OpenOptions): Promise<string> {
  if (!/^https?:\/\//i.test(location)) return location;
  const { downloadPackage } = await import('./download.ts');
  return downloadPackage(location, options);
}

async function found(path: string, location: string) {
  try {
    const facts = await stat(path);
    if (facts.isFile() || facts.isDirectory()) return facts;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EdgeadmError(
      'E_PACKAGE_SOURCE',
      `cannot open the install package ${location}: ${code === 'ENOENT' ? 'no such file or folder' : code}`,
      {
        hint: 'Name a file, a folder or a URL with --install-pkg-path; `edgeadm package build` makes one.',
        cause,
      },
    );
  }
  throw new EdgeadmError(
    'E_PACKAGE_SOURCE',
    `the install package ${location} is neither a file nor a folder`,
  );
}

interface Head {
  manifest: Buffer;
  signature: string | undefined;
}

async function readHeadOfFolder(folder: string): Promise<Head> {
  const manifest = await readFile(join(folder, MANIFEST)).catch((cause) => {
    throw new EdgeadmError(
      'E_PACKAGE_SOURCE',
      `the folder ${folder} is no install package: it has no ${MANIFEST}`,
      { cause },
    );
  });
  const signature = await readFile(join(folder, SIGNATURE), 'utf8').catch(() => undefined);
  return { manifest, signature };
}

async function readHeadOfFile(path: string, signal: AbortSignal | undefined): Promise<Head> {
  const contents = new Map<string, Buffer[]>();
  let current: Buffer[] = [];
  const stream = createReadStream(path, { highWaterMark: 64 << 10, ...(signal && { signal }) });
  for await (const event of readPackageTar(stream, { ahead: 1 })) {
    if (event.type !== 'file') {
      if (event.type === 'data') current.push(event.bytes);
      continue;
    }
    const expected = [MANIFEST, SIGNATURE][contents.size];
    if (event.path !== expected) break;
    if (event.size > MAX_MANIFEST) throw corrupt(`its ${event.path} is ${event.size} bytes long`);
    current = [];
    contents.set(event.path, current);
  }
  const manifest = contents.get(MANIFEST);
  if (manifest === undefined) throw corrupt(`it does not begin with ${MANIFEST}`);
  const signature = contents.get(SIGNATURE);
  return { manifest: Buffer.concat(manifest), signature: signature && Buffer.concat(signature).toString() };
}

function checkSignature(
  manifest: Buffer,
  signature: string | undefined,
  location: string,
  publicKey: string | undefined,
): boolean {
  if (publicKey === undefined) return false;
  const hint =
    'Use a package signed with the matching key, or leave the public key out to go without the check.';
  if (signature === undefined)
    throw new EdgeadmError('E_PACKAGE_SIGNATURE', `the install package ${location} is not signed`, { hint });
  if (!manifestSignedBy(manifest, signature, publicKey)) {
    throw new EdgeadmError(
      'E_PACKAGE_SIGNATURE',
      `the install package ${location} was not signed with the given key`,
      { hint },
    );
  }
  return true;
}
