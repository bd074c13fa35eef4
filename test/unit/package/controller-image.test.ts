import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { list } from 'tar';
import { afterAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { type ControllerSettings, controllerObjects } from '../../../src/edge/controller/objects.ts';
import { readSegments, type Segment } from '../../../src/package/archive/segments.ts';
import { tarSegments } from '../../../src/package/archive/tar.ts';
import type { Component } from '../../../src/package/catalogue/types.ts';
import { controllerImage } from '../../../src/package/controller-image.ts';
import type { Blob, OciImage } from '../../../src/package/oci/image.ts';
import type { Program } from '../../../src/package/program/entries.ts';
import type { FetchedComponent, Source } from '../../../src/package/sources/source.ts';

const text = (content: string): Segment[] => [Buffer.from(content)];
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const program: Program = {
  version: packageJson.version,
  files: [
    { name: 'cli.js', mode: 0o644, content: text('cli') },
    { name: 'chunks/run-1.js', mode: 0o644, content: text('run') },
    { name: 'package.json', mode: 0o644, content: text('{}') },
    { name: 'manifests/cni/flannel.yaml', mode: 0o644, content: text('a: b') },
    { name: 'edgeadm', mode: 0o755, content: text('#!/bin/sh') },
    { name: 'node', mode: 0o755, content: text('node') },
  ],
  components: [],
  dispose: async () => {},
};

const options = { cacheDirectory: mkdtempSync(join(tmpdir(), 'edgeadm-cache-')), emit: () => {} };
afterAll(() => rmSync(options.cacheDirectory, { recursive: true }));
const component = { name: 'node-libraries' } as Component;

function fetched(more: Partial<FetchedComponent> = {}): Map<string, FetchedComponent> {
  return new Map([['node-libraries', { component, programs: {}, origin: '', dependencies: [], ...more }]]);
}

const builds: Source = {
  name: 'gomod',
  prepare: async () => {},
  fetchComponent: () => Promise.reject(new Error('not asked for')),
  fetchImage: () => Promise.reject(new Error('not asked for')),
};

const rootfs = { path: '/nowhere/rootfs.tar', size: 10, sha256: 'ab'.repeat(32) };

async function bytesOf({ content }: Pick<Blob, 'content'>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSegments(content)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function describeImage(image: OciImage) {
  const manifest = JSON.parse((await bytesOf(image.manifest)).toString());
  const find = (digest: string) => image.blobs.find((blob) => blob.digest === digest)!;
  const config = JSON.parse((await bytesOf(find(manifest.config.digest))).toString());
  return { manifest, config, find };
}

async function filesIn(blob: Blob): Promise<Record<string, number>> {
  const files: Record<string, number> = {};
  const parser = list({
    onReadEntry(entry) {
      files[entry.path] = entry.mode ?? 0;
    },
  });
  parser.end(await bytesOf(blob));
  return files;
}

describe('the image of edgeadm', () => {
  it('is Node.js and the program on the libraries', async () => {
    const { image, components } = await controllerImage({
      source: builds,
      fetched: fetched({ rootfs }),
      program,
      arch: 'arm64',
      options,
    });
    const { manifest, config, find } = await describeImage(image);
    expect(components).toEqual(['edgeadm', 'node', 'node-libraries']);
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux' });
    expect(config.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: [
        '/usr/local/lib/edgeadm/node',
        '--max-semi-space-size=1',
        '--max-old-space-size=64',
        '--v8-pool-size=0',
        '/usr/local/lib/edgeadm/cli.js',
        'controller',
      ],
    });
    const layers: string[] = manifest.layers.map(({ digest }: { digest: string }) => digest);
    expect(config.rootfs.diff_ids).toEqual(layers);
    expect(layers[0]).toBe(`sha256:${rootfs.sha256}`);
    expect(await filesIn(find(layers[1]!))).toEqual({
      'usr/': 0o755,
      'usr/local/': 0o755,
      'usr/local/lib/': 0o755,
      'usr/local/lib/edgeadm/': 0o755,
      'usr/local/lib/edgeadm/node': 0o755,
    });
    expect(Object.keys(await filesIn(find(layers[2]!))).filter((path) => !path.endsWith('/'))).toEqual([
      'usr/local/lib/edgeadm/chunks/run-1.js',
      'usr/local/lib/edgeadm/cli.js',
      'usr/local/lib/edgeadm/package.json',
    ]);
    for (const blob of [image.manifest, ...image.blobs.filter(({ digest }) => digest !== layers[0])]) {
      expect(sha256(await bytesOf(blob))).toBe(blob.digest);
    }
  });

  it('is the one that the controller’s manifest names', async () => {
    const { image } = await controllerImage({
      source: builds,
      fetched: fetched({ rootfs }),
      program,
      arch: 'amd64',
      options,
    });
    const settings: ControllerSettings = { edgeRepository: 'ghcr.io/superedge', dnsDomain: 'cluster.local' };
    expect(JSON.stringify(await controllerObjects(settings))).toContain(`"image":"${image.name}"`);
  });

  it('is the same each time', async () => {
    const input = { source: builds, fetched: fetched({ rootfs }), program, arch: 'amd64' as const, options };
    const [first, second] = [await controllerImage(input), await controllerImage(input)];
    expect(first.image.manifest.digest).toBe(second.image.manifest.digest);
  });

  it('lies on published libraries when its source pulls', async () => {
    const tar = await bytesOf({ content: tarSegments([{ path: 'lib', type: 'directory', mode: 0o755 }]) });
    const layer = gzipSync(tar);
    const settings = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [sha256(tar)] } }));
    const asBlob = (bytes: Buffer): Blob => ({ digest: sha256(bytes), size: bytes.length, content: [bytes] });
    const manifest = Buffer.from(
      JSON.stringify({
        config: { digest: sha256(settings) },
        layers: [
          {
            mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
            digest: sha256(layer),
            size: layer.length,
          },
        ],
      }),
    );
    const pulled: string[] = [];
    const pulls: Source = {
      ...builds,
      name: 'release',
      async fetchImage({ name }) {
        pulled.push(name);
        return { name, manifest: asBlob(manifest), mediaType: '', blobs: [asBlob(settings), asBlob(layer)] };
      },
    };
    const { image } = await controllerImage({
      source: pulls,
      fetched: fetched(),
      program,
      arch: 'amd64',
      options,
    });
    const described = await describeImage(image);
    expect(pulled).toEqual(['gcr.io/distroless/cc-debian12:nonroot']);
    expect(described.manifest.layers[0]).toEqual({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: sha256(layer),
      size: layer.length,
    });
    expect(described.config.rootfs.diff_ids[0]).toBe(sha256(tar));
    expect(image.blobs.map(({ digest }) => digest)).not.toContain(sha256(settings));
  });

  it('is not made without libraries or without the program', async () => {
    await expect(
      controllerImage({ source: builds, fetched: new Map(), program, arch: 'amd64', options }),
    ).rejects.toMatchObject({ code: 'E_PACKAGE_BUILD' });
    const empty = { ...program, files: [] };
    await expect(
      controllerImage({
        source: builds,
        fetched: fetched({ rootfs }),
        program: empty,
        arch: 'amd64',
        options,
      }),
    ).rejects.toMatchObject({
      code: 'E_PACKAGE_BUILD',
    });
  });
});
