import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readSegments } from '../archive/segments.ts';
import { type TarEntry, tarSegments } from '../archive/tar.ts';
import type { Component } from '../catalogue/types.ts';
import { hashFile } from '../hash.ts';
import { withParents } from '../oci/layer.ts';
import type { Arch } from '../types.ts';
import { runTool } from './run.ts';
import type { Dependency, FetchedFile, FetchOptions } from './source.ts';

/** Programs, libraries, the tables of names they read, and the licences. */
const KEPT = [
  /^s?bin\//,
  /^lib\//,
  /^lib64\//,
  /^usr\/(bin|sbin|lib)\//,
  /^etc\/(ethertypes|protocols|rpc|services)$/,
  /^usr\/share\/doc\/[^/]+\/copyright$/,
];
const LEFT_OUT = [
  /\/gconv\//,
  /^lib\/(systemd|udev)\//,
  /^usr\/lib\/(systemd|udev|tmpfiles\.d|sysusers\.d)\//,
  /^usr\/lib\/bfd-plugins\//,
];
const ARCHIVE = /^var\/cache\/apt\/archives\/(.+)_(.+)_([^_]+)\.deb$/;
/** Answered by native/iptables, which becomes one of the two backends. */
const IPTABLES = [
  'iptables',
  'iptables-save',
  'iptables-restore',
  'ip6tables',
  'ip6tables-save',
  'ip6tables-restore',
];

/**
 * Puts Debian packages with all they depend on into one tar, from the mirrors that this machine's apt has. The result is
 * kept by recipe: the cache folder decides when newer packages come in.
 */
export async function extractDebian(
  component: Component,
  arch: Arch,
  folder: string,
  programs: Readonly<Record<string, FetchedFile>>,
  options: FetchOptions,
): Promise<{ rootfs: FetchedFile; dependencies: Dependency[] }> {
  const { suite, packages, links } = component.build.debian!;
  const step = `extract ${packages.join(', ')} from Debian`;
  options.emit({ type: 'progress', step });
  const raw = join(folder, 'raw.tar');
  // The downloaded archives stay in it: their names tell the versions.
  const args = ['--quiet', '--variant=extract', '--skip=cleanup/apt', `--architectures=${arch}`];
  await runTool('mmdebstrap', [...args, `--include=${packages.join(',')}`, suite, raw], {
    signal: options.signal,
    step,
    hint: 'apt on this machine must be able to fetch packages: try apt-get update.',
  });
  const { entries, dependencies } = await readTree(raw);
  for (const [path, target] of Object.entries(links)) {
    entries.push({ path, type: 'symlink', mode: 0o777, target });
  }
  const stand = programs.iptables;
  if (stand !== undefined) {
    entries.push({
      path: 'usr/sbin/edgeadm-iptables',
      type: 'file',
      mode: 0o755,
      content: [{ path: stand.path, size: stand.size }],
    });
    for (const name of IPTABLES) {
      entries.push({ path: `usr/sbin/${name}`, type: 'symlink', mode: 0o777, target: 'edgeadm-iptables' });
    }
  }
  const path = join(folder, 'rootfs.tar');
  await pipeline(Readable.from(readSegments(tarSegments(withParents(entries)))), createWriteStream(path));
  await rm(raw);
  return { rootfs: await hashFile(path), dependencies };
}

async function readTree(tar: string): Promise<{ entries: TarEntry[]; dependencies: Dependency[] }> {
  const { list } = await import('tar');
  const entries: TarEntry[] = [];
  const versions = new Map<string, string>();
  await list({
    file: tar,
    onReadEntry(entry) {
      const path = entry.path.replace(/^\.\//, '').replace(/\/$/, '');
      const [, name, version] = ARCHIVE.exec(path) ?? [];
      if (name !== undefined) versions.set(name, decodeURIComponent(version!));
      const mode = (entry.mode ?? 0o644) & 0o777;
      if (isKept(path)) {
        if (entry.type === 'Directory') entries.push({ path, type: 'directory', mode });
        if (entry.type === 'SymbolicLink') {
          entries.push({ path, type: 'symlink', mode: 0o777, target: entry.linkpath! });
        }
        if (entry.type === 'File') {
          const content: Buffer[] = [];
          entry.on('data', (chunk) => content.push(chunk));
          entries.push({ path, type: 'file', mode, content });
          return;
        }
      }
      entry.resume();
    },
  });
  const copyright = new Map(entries.map(({ path, content }) => [path, content as Buffer[]]));
  const dependencies = [...versions].sort().map(([name, version]): Dependency => {
    const path = `usr/share/doc/${name}/copyright`;
    const licenceNames = debianLicences(Buffer.concat(copyright.get(path) ?? []).toString());
    return {
      kind: 'debian',
      name,
      version,
      licenceNames: licenceNames.length > 0 ? licenceNames : [`as in ${path}`],
    };
  });
  return { entries, dependencies };
}

function isKept(path: string): boolean {
  if (IPTABLES.some((name) => path === `usr/sbin/${name}`)) return false;
  return KEPT.some((kept) => kept.test(path)) && !LEFT_OUT.some((left) => left.test(path));
}

/** Licences of a Debian copyright file by the short names of its format (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/). */
export function debianLicences(copyright: string): string[] {
  if (!copyright.startsWith('Format:')) return [];
  const names = [...copyright.matchAll(/^License:[ \t]*(\S.*?)[ \t]*$/gm)].map(([, name]) => name!);
  return [...new Set(names)].sort();
}
