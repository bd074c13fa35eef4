import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { errno, refusing } from '../errors.ts';
import type { FileFacts } from '../host.ts';
import { hashBytes, lstat, type PathState, pathState } from './state.ts';

/** A planned content of a path in a dry run. */
export type Planned =
  | { kind: 'absent' }
  | { kind: 'file'; bytes: Uint8Array | { real: string; size: number }; mode: number }
  | { kind: 'symlink'; target: string }
  | { kind: 'directory'; mode: number };

/**
 * The files of a host as the run sees them: what is there, and in a dry run over it what earlier phases would have
 * written, so that later ones find it. Paths are the host's; `root` maps them to this machine's.
 */
export class FileView {
  readonly root: string;
  readonly #planned = new Map<string, Planned>();

  constructor(root: string) {
    this.root = root;
  }

  /** A path of the host as a path of this machine. */
  real(at: string): string {
    return this.root === '/' ? at : path.join(this.root, at);
  }

  /** The other way round. */
  shown(real: string): string {
    return this.root === '/' ? real : `/${path.relative(this.root, real)}`;
  }

  plan(at: string, planned: Planned): void {
    this.#planned.set(at, planned);
  }

  /** State with hash, for comparing and journaling; does not follow a link at the end. */
  async state(at: string): Promise<PathState> {
    const planned = this.#find(at);
    if (!planned) return pathState(this.real(at));
    const owner = { uid: 0, gid: 0 };
    switch (planned.kind) {
      case 'absent':
        return planned;
      case 'file': {
        const { bytes, mode } = planned;
        if ('real' in bytes) return { ...(await pathState(bytes.real)), mode } as PathState;
        return { kind: 'file', mode, ...owner, size: bytes.length, mtimeMs: 0, sha256: hashBytes(bytes) };
      }
      default:
        return { ...planned, ...owner };
    }
  }

  async facts(at: string): Promise<FileFacts | undefined> {
    const planned = this.#find(at);
    if (planned) {
      if (planned.kind === 'absent') return undefined;
      const size =
        planned.kind === 'file' ? ('real' in planned.bytes ? planned.bytes.size : planned.bytes.length) : 0;
      const mode = planned.kind === 'symlink' ? 0o777 : planned.mode;
      const target = planned.kind === 'symlink' ? { target: planned.target } : {};
      return { kind: planned.kind, mode, size, uid: 0, gid: 0, ...target };
    }
    const real = this.real(at);
    const found = await lstat(real);
    if (!found) return undefined;
    const { size, uid, gid } = found;
    const base = { mode: found.mode & 0o7777, size, uid, gid };
    if (found.isSymbolicLink()) return { kind: 'symlink', ...base, target: await fs.readlink(real) };
    return { kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other', ...base };
  }

  /** Bytes of a file, links followed; undefined when it does not exist. */
  async read(at: string): Promise<Buffer | undefined> {
    return refusing({ path: at, action: 'read' }, async () => {
      const place = await this.follow(at);
      const planned = this.#find(place);
      if (planned?.kind === 'absent') return undefined;
      if (planned?.kind === 'file') {
        return 'real' in planned.bytes ? fs.readFile(planned.bytes.real) : Buffer.from(planned.bytes);
      }
      try {
        return await fs.readFile(this.real(place));
      } catch (error) {
        if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
        throw error;
      }
    });
  }

  /** Names in a directory, sorted; undefined when it does not exist. */
  async list(at: string): Promise<string[] | undefined> {
    let names: Set<string> | undefined;
    try {
      names = new Set(await fs.readdir(this.real(at)));
    } catch (error) {
      if (errno(error) !== 'ENOENT' && errno(error) !== 'ENOTDIR') throw error;
    }
    const self = this.#find(at);
    if (self?.kind === 'absent') return undefined;
    if (self?.kind === 'directory') names ??= new Set();
    for (const [place, planned] of this.#planned) {
      if (path.dirname(place) !== at) continue;
      names ??= new Set();
      if (planned.kind === 'absent') names.delete(path.basename(place));
      else names.add(path.basename(place));
    }
    return names && [...names].sort();
  }

  /** True for a directory or a link to one. */
  async isDirectory(at: string): Promise<boolean> {
    const planned = this.#find(at);
    if (planned) return planned.kind === 'directory';
    return fs.stat(this.real(at)).then(
      (facts) => facts.isDirectory(),
      () => false,
    );
  }

  /** The path that a chain of symbolic links ends at; links are the host's, so an absolute target stays below `root`. */
  async follow(at: string): Promise<string> {
    let place = at;
    for (let hops = 0; hops < 40; hops++) {
      const facts = await this.facts(place);
      if (facts?.kind !== 'symlink') return place;
      place = path.resolve(path.dirname(place), facts.target ?? '');
    }
    throw new EdgeadmError('E_HOST_WRITE', `cannot follow the link ${at}: it leads in a circle`, {
      hint: `Look where it leads (namei ${at}) and mend it. Then run the same command again.`,
    });
  }

  /** The plan for a path, or for a directory above it that is planned to go away. */
  #find(at: string): Planned | undefined {
    if (this.#planned.size === 0) return undefined;
    const own = this.#planned.get(at);
    if (own) return own;
    for (let above = path.dirname(at); above !== '/'; above = path.dirname(above)) {
      if (this.#planned.get(above)?.kind === 'absent') return { kind: 'absent' };
    }
    return undefined;
  }
}
