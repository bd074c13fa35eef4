import path from 'node:path';
import type { FileFacts } from '../../src/host/host.ts';

export type FakeNode =
  | { kind: 'file'; content: string; mode: number }
  | { kind: 'symlink'; target: string }
  | { kind: 'directory'; mode: number };

/** The files of a FakeHost: nodes by absolute path. Links are followed at the end of a path only. */
export class FakeFiles {
  readonly nodes = new Map<string, FakeNode>();

  get(at: string): FakeNode | undefined {
    return this.nodes.get(at);
  }

  /** Sets or (undefined) removes what is at a path. */
  set(at: string, node: FakeNode | undefined): void {
    if (node) this.nodes.set(at, node);
    else this.nodes.delete(at);
  }

  /** Puts a file there, with the directories above it. */
  put(at: string, content: string, mode: number): void {
    for (let above = path.dirname(at); above !== '/'; above = path.dirname(above)) {
      if (!this.nodes.has(above)) this.nodes.set(above, { kind: 'directory', mode: 0o755 });
    }
    this.nodes.set(at, { kind: 'file', content, mode });
  }

  /** What is at and below a path. */
  below(at: string): [string, FakeNode][] {
    return [...this.nodes].filter(([place]) => place === at || place.startsWith(`${at}/`));
  }

  contents(): Record<string, string> {
    const files = [...this.nodes].flatMap(([at, node]): [string, string][] =>
      node.kind === 'file' ? [[at, node.content]] : [],
    );
    return Object.fromEntries(files);
  }

  follow(at: string): string {
    const node = this.nodes.get(at);
    return node?.kind === 'symlink' ? this.follow(path.resolve(path.dirname(at), node.target)) : at;
  }

  text(at: string): string | undefined {
    const node = this.nodes.get(this.follow(at));
    return node?.kind === 'file' ? node.content : undefined;
  }

  facts(at: string): FileFacts | undefined {
    const node = this.nodes.get(at);
    if (!node) return undefined;
    const owner = { uid: 0, gid: 0 };
    if (node.kind === 'symlink') return { ...node, mode: 0o777, size: node.target.length, ...owner };
    const size = node.kind === 'file' ? Buffer.byteLength(node.content) : 4096;
    return { kind: node.kind, mode: node.mode, size, ...owner };
  }

  list(at: string): string[] {
    return [...this.nodes.keys()]
      .filter((place) => path.dirname(place) === at && place !== '/')
      .map((place) => path.basename(place))
      .sort();
  }
}
