import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadImages } from '../../../src/playground/load.ts';
import { planNodes } from '../../../src/playground/plan.ts';
import type { Playground } from '../../../src/playground/types.ts';
import { fakeProvider } from '../../fakes/provider.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgeadm-unit-'));
  await writeFile(join(folder, 'app.tar'), 'archive');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = { signal: new AbortController().signal, progress() {} };
const planned = planNodes({ name: 'pg', controlPlanes: 1, workers: 0, edges: 2, sites: 1 }, '10.120.0.0/24');
const playground = {
  name: 'pg',
  nodes: planned.map((node, at) => ({ ...node, state: at === 2 ? 'exited' : 'running' })),
} as Playground;

/** Nodes whose containerd has `before`, and gets `added` by an import. */
function containerd(
  added: string[],
  before: string[] = ['registry.k8s.io/pause:3.10', 'sha256:00', 'x@sha256:00'],
) {
  const provider = fakeProvider();
  const imported = new Set<string>();
  provider.onExec = (node, command) => {
    if (command.includes('import')) {
      imported.add(node);
      return { stdout: added.map((name) => `unpacking ${name} (sha256:11)...done`).join('\n') };
    }
    if (command.includes('list'))
      return { stdout: [...before, ...(imported.has(node) ? added : [])].join('\n') };
    return undefined;
  };
  return provider;
}

describe('loading images', () => {
  it('imports a file into every node that runs and pins its images', async () => {
    const provider = containerd(['docker.io/library/app:1']);
    const path = join(folder, 'app.tar');
    expect(await loadImages(provider, playground, path, run)).toEqual(['docker.io/library/app:1']);
    const imports = provider.executed.filter(({ command }) => command.includes('import'));
    expect(imports.map(({ node }) => node).sort()).toEqual(['pg-control-plane-1', 'pg-edge-1']);
    expect(imports.every(({ input }) => JSON.stringify(input) === JSON.stringify({ path }))).toBe(true);
    const labels = provider.executed.filter(({ command }) => command.includes('label'));
    expect(labels.map(({ command }) => command.slice(-2))).toEqual(
      Array(2).fill(['docker.io/library/app:1', 'io.cri-containerd.pinned=pinned']),
    );
  });
  it('finds an image again that was there under the same name', async () => {
    const provider = containerd(
      ['docker.io/library/app:1'],
      ['docker.io/library/app:1', 'docker.io/library/app:10'],
    );
    expect(await loadImages(provider, playground, join(folder, 'app.tar'), run)).toEqual([
      'docker.io/library/app:1',
    ]);
  });
  it('saves an image of this machine first', async () => {
    const provider = containerd(['localhost/app:dev']);
    provider.images.add('localhost/app:dev');
    expect(await loadImages(provider, playground, 'localhost/app:dev', run)).toEqual(['localhost/app:dev']);
  });
  it('says what is wrong with the source', async () => {
    await expect(loadImages(containerd([]), playground, 'nothing', run)).rejects.toThrow(
      'no file and no local image nothing',
    );
    await expect(loadImages(containerd([]), playground, folder, run)).rejects.toThrow('is a folder');
    await expect(loadImages(containerd([]), playground, join(folder, 'app.tar'), run)).rejects.toThrow(
      'no image with a name',
    );
    await expect(loadImages(containerd([]), { ...playground, nodes: [] }, 'x', run)).rejects.toThrow(
      'no node of playground "pg" runs',
    );
  });
});
