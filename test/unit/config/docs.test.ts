import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findDocument } from '../../../src/config/documents.ts';
import { edgeDefaults, edgeSchema } from '../../../src/config/edge-configuration.ts';
import { type Fields, getField, isFields } from '../../../src/config/fields.ts';
import { installFlags } from '../../../src/config/flags/edge.ts';
import { resolveInit } from '../../../src/config/init.ts';
import { machine } from './support.ts';

let page: string;
beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
});

/** Paths of the fields of a schema, down to what is no mapping with fixed fields. */
function paths(schema: unknown, path = ''): string[] {
  if (!isFields(schema) || '*' in schema) return [path];
  return Object.entries(schema as Fields).flatMap(([name, below]) =>
    paths(below, path === '' ? name : `${path}.${name}`),
  );
}

/** Cells of a table row that begins with `name` in code. */
const row = (name: string): string[] | undefined =>
  page
    .split('\n')
    .find((line) => line.startsWith(`| \`${name}\` |`))
    ?.split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('docs/configuration.md', () => {
  it('has an example that resolves', () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
    const settings = resolveInit({
      flags: { uploadCerts: true },
      config: { text, path: 'cluster.yaml' },
      machine,
      addonNames: ['tunnel'],
    });
    expect(settings).toMatchObject({
      nodeName: 'cloud-1',
      controlPlaneEndpoint: '192.0.2.100:6443',
      podSubnet: '10.244.0.0/16',
      uploadCerts: true,
      edge: {
        addons: { tunnel: { enabled: false } },
        cni: { name: 'flannel', flannel: { backend: 'host-gw' } },
        ha: { provider: 'kube-vip', interface: 'eth1' },
        package: { path: '/root/edgeadm.tar.zst' },
      },
    });
    expect(findDocument(settings.documents, 'KubeletConfiguration')).toMatchObject({
      maxPods: 60,
      serverTLSBootstrap: true,
    });
  });

  it('has every field of EdgeConfiguration with its default', () => {
    const defaults = edgeDefaults(machine);
    for (const path of paths(edgeSchema)) {
      if (['apiVersion', 'kind', 'metadata'].includes(path)) continue;
      const cells = row(path);
      expect(cells, path).toBeDefined();
      const value = getField(defaults, path);
      if (value === undefined || value === '') continue;
      expect(cells![1], path).toContain(typeof value === 'string' ? value : JSON.stringify(value));
    }
  });

  it('has every flag of edgeadm with field and default', () => {
    for (const { name, target, default: value } of installFlags) {
      const cells = row(`--${name}`);
      expect(cells, name).toBeDefined();
      expect(cells![1]).toBe(target ? `\`${target.path}\`` : '');
      expect(cells![2]).toBe(value === undefined ? '' : `\`${value}\``);
    }
  });
});
