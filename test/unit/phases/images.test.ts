import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeContext, NodeRole } from '../../../phases/context.ts';
import { createInitContext } from '../../../phases/init/context.ts';
import { imagesAreOnDisk, importImages } from '../../../phases/node/images.ts';
import type { PackageImage } from '../../../src/package/types.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings } from '../checks/support.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const bootFile = '/proc/sys/kernel/random/boot_id';

let folder: string;
let root: string;
let store: string;
let images: PackageImage[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'));
  root = join(folder, 'package');
  store = join(folder, 'containerd/io.containerd.content.v1.content/blobs/sha256');
  images = [];
  await mkdir(join(root, 'images/blobs/sha256'), { recursive: true });
  await writeFile(join(root, 'images/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await addImage('registry.k8s.io/kube-proxy:v1', ['large', 'small']);
  await addImage('registry.k8s.io/kube-apiserver:v1', ['large', 'other']);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function addBlob(bytes: Buffer) {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(root, 'images/blobs/sha256', sha256), bytes);
  return { digest: `sha256:${sha256}`, size: bytes.length };
}

const layerBytes = (name: string) => Buffer.alloc(name === 'large' ? 2 << 20 : 2000, name);

async function addImage(name: string, layers: string[]): Promise<void> {
  const config = await addBlob(Buffer.from(JSON.stringify({ name })));
  const manifest = { config, layers: await Promise.all(layers.map((layer) => addBlob(layerBytes(layer)))) };
  const { digest, size } = await addBlob(Buffer.from(JSON.stringify(manifest)));
  images.push({ name, digest, components: [] });
  const manifests = images.map((image) => ({
    ...{ digest: image.digest, size, annotations: { 'io.containerd.image.name': image.name } },
  }));
  await writeFile(join(root, 'images/index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** A containerd that has the images of the last import that worked; `imports` says what each was given. */
function context({ role = 'worker', fail = 0 }: { role?: NodeRole; fail?: number } = {}) {
  const host = new FakeHost({ files: { [bootFile]: 'boot-1\n' } });
  const imports: string[][] = [];
  const has = new Set<string>();
  host.reply(/images ls \S*pinned/, () => ({ stdout: [...has].join('\n') }));
  host.reply(/images import/, async (command) => {
    const { args = [] } = (command.input as unknown as { command: { args: string[] } }).command;
    const layout = args[1]!;
    imports.push((await readdir(join(layout, 'blobs/sha256'))).sort());
    if (imports.length <= fail) return { exitCode: 1, stderr: 'content digest: not found' };
    const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
    for (const { annotations } of index.manifests) has.add(annotations['io.containerd.image.name']);
    return {};
  });
  const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
  const init = createInitContext(initSettings(), { host, emit: host.emit, signal, machine });
  const ctx: NodeContext = { ...init, role, package: { ...init.package, images: async () => images } };
  return { ctx, host, imports };
}

const sha256 = (name: string) => createHash('sha256').update(layerBytes(name)).digest('hex');

describe('importing images', () => {
  it('gives containerd large blobs by link, and the rest in the import', async () => {
    const { ctx, host, imports } = context();
    expect(await importImages(ctx, root, join(folder, 'containerd'), run)).toBe(true);
    expect(imports).toHaveLength(1);
    expect(imports[0]).toContain(sha256('small'));
    expect(imports[0]).not.toContain(sha256('large'));
    expect(await readdir(store)).toEqual([sha256('large')]);
    const [ours, theirs] = await Promise.all(
      [join(root, 'images/blobs/sha256'), store].map((at) => stat(join(at, sha256('large')))),
    );
    expect(theirs!.ino).toBe(ours!.ino);
    const ingests = host.commands.filter(({ args }) => args?.includes('ingest'));
    expect(ingests).toHaveLength(1);
    expect(ingests[0]!.args).toEqual(
      expect.arrayContaining([`sha256:${sha256('large')}`, String(2 << 20), 'content', 'ingest']),
    );
    expect(await readdir(root)).toEqual(['images']);
  });

  it('takes the images of the role only, and none twice', async () => {
    const { ctx, host, imports } = context();
    await importImages(ctx, root, undefined, run);
    expect(imports[0]).not.toContain(sha256('other'));
    expect(imports[0]).toContain(sha256('large'));
    expect(await importImages(ctx, root, undefined, run)).toBe(false);
    const again = context({ role: 'control-plane' });
    await importImages(again.ctx, root, undefined, run);
    expect(again.imports[0]).toContain(sha256('other'));
    expect(host.lines.some((line) => line.includes('ingest'))).toBe(false);
  });

  it('puts its own file in place of what an earlier run left in parts', async () => {
    await mkdir(store, { recursive: true });
    await writeFile(join(store, sha256('large')), 'torn');
    const { ctx } = context();
    await importImages(ctx, root, join(folder, 'containerd'), run);
    expect((await stat(join(store, sha256('large')))).size).toBe(2 << 20);
  });

  it.each([
    [1, 2, false],
    [2, 3, true],
  ])('when the quick way fails %i times, imports %i times', async (fail, times, whole) => {
    const { ctx, imports } = context({ fail });
    expect(await importImages(ctx, root, join(folder, 'containerd'), run)).toBe(true);
    expect(imports).toHaveLength(times);
    expect(imports.at(-1)!.includes(sha256('large'))).toBe(whole);
  });

  it('fails when the images are not there afterwards', async () => {
    const { ctx, host } = context();
    host.reply(/images import/, {});
    await expect(importImages(ctx, root, undefined, run)).rejects.toMatchObject({ code: 'E_PHASE_STATE' });
  });
});

describe('a power cut after the import', () => {
  const removals = (host: FakeHost) => host.lines.filter((line) => line.includes('images rm'));

  it('removes what may be damaged, to import it again', async () => {
    const { ctx, host } = context();
    await importImages(ctx, root, undefined, run);
    host.put(bootFile, 'boot-2\n');
    host.reply(/images ls -q \S*target/, ({ args = [] }) => ({
      stdout: args.includes(`target.digest==${images[0]!.digest}`)
        ? 'registry.k8s.io/kube-proxy:v1\nsha256:1\n'
        : '',
    }));
    await importImages(ctx, root, undefined, run);
    expect(removals(host)).toEqual([
      expect.stringMatching(/images rm --sync registry.k8s.io\/kube-proxy:v1 sha256:1$/),
    ]);
  });

  it.each(['the same boot', 'images that are on the disk'])('removes nothing: %s', async (what) => {
    const { ctx, host } = context();
    host.reply(/images ls -q \S*target/, { stdout: 'registry.k8s.io/kube-proxy:v1\n' });
    await importImages(ctx, root, undefined, run);
    if (what !== 'the same boot') {
      await imagesAreOnDisk(host);
      host.put(bootFile, 'boot-2\n');
    }
    await importImages(ctx, root, undefined, run);
    expect(removals(host)).toEqual([]);
  });
});
