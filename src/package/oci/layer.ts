import { dirname } from 'node:path/posix';
import { type TarEntry, tarSegments } from '../archive/tar.ts';
import type { FetchedFile } from '../sources/source.ts';
import { type Blob, blob } from './image.ts';

/** What programs expect of any root file system: names of users, a place for temporary files. */
const SKELETON: readonly TarEntry[] = [
  { path: 'tmp', type: 'directory', mode: 0o1777 },
  text(
    'etc/passwd',
    'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n',
  ),
  text('etc/group', 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n'),
  text('etc/nsswitch.conf', 'hosts: files dns\n'),
];

/** A layer with programs, by absolute path in the image. */
export async function programLayer(
  files: Readonly<Record<string, FetchedFile>>,
  cacheDirectory?: string,
): Promise<Blob> {
  const entries = new Map(SKELETON.map((entry) => [entry.path, entry]));
  for (const [path, file] of Object.entries(files)) {
    const relative = path.replace(/^\//, '');
    entries.set(relative, {
      path: relative,
      type: 'file',
      mode: 0o755,
      content: [file],
    });
  }
  return blob(tarSegments(withParents([...entries.values()])), cacheDirectory);
}

/** Adds the directories that entries lie in and that are not among them. */
export function withParents(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    for (let parent = dirname(entry.path); parent !== '.' && !all.has(parent); parent = dirname(parent)) {
      all.set(parent, { path: parent, type: 'directory', mode: 0o755 });
    }
  }
  return [...all.values()];
}

function text(path: string, content: string): TarEntry {
  return { path, type: 'file', mode: 0o644, content: [Buffer.from(content)] };
}
