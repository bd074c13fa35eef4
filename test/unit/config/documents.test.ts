import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  findDocument,
  needsMigration,
  parseDocuments,
  renderDocuments,
} from '../../../src/config/documents.ts';
import { planMigration } from '../../../src/config/migration.ts';
import { readConfigFile } from '../../../src/config/read.ts';
import type { KubeDocument } from '../../../src/config/types.ts';
import { configLimit } from '../../../src/config/yaml.ts';
import { errorOf, file, kubeadm } from './support.ts';

const cluster = `${kubeadm}\nkind: ClusterConfiguration\n`;
const parse = (text: string) => parseDocuments(file(text));

/** Ten anchors, each a list of ten of the one before: 10^10 values from 500 bytes. */
function bomb(): string {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let level = 1; level < 10; level++)
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(',')}]`,
    );
  return cluster + lines.join('\n');
}

describe('documents', () => {
  it('reads several documents, skipping empty ones', () => {
    const documents = parse(
      `---\n# only a comment\n---\n${cluster}---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n---\n`,
    );
    expect(documents.map(({ kind }) => kind)).toEqual(['ClusterConfiguration', 'KubeletConfiguration']);
  });

  it('reads scalars as kubeadm does: YAML 1.1 but for base 60', () => {
    const [document] = parse(
      `${cluster}a: yes\nb: off\nc: 0755\nd: 1_000\ne: 1:20\nf: 0x1f\ng: 2026-01-01\nh: "yes"\ni: 0o17\nj: -12\nk: 1.5\nl: ~\n`,
    );
    expect(document).toMatchObject({
      a: true,
      b: false,
      c: 493,
      d: 1000,
      e: '1:20',
      f: 31,
      g: '2026-01-01',
      h: 'yes',
      i: 15,
      j: -12,
      k: 1.5,
      l: null,
    });
  });

  it('takes merge keys and aliases, and gives each place a copy of its own', () => {
    const [document] = parse(
      `${cluster}base: &base {a: 1, list: [1]}\nother: {<<: *base, b: 2}\nthird: *base\n`,
    );
    expect(document).toMatchObject({ other: { a: 1, b: 2 }, third: { a: 1 } });
    expect(document!.third).not.toBe(document!.base);
    expect((document!.other as { list: unknown }).list).not.toBe((document!.base as { list: unknown }).list);
  });

  it.each([
    ['an empty file', '', 'E_CONFIG_YAML', 'cluster.yaml: the file is empty'],
    ['a file of comments', '# nothing\n---\n', 'E_CONFIG_YAML', 'cluster.yaml: the file is empty'],
    [
      'a duplicate key',
      `${cluster}a: 1\na: 2\n`,
      'E_CONFIG_YAML',
      'cluster.yaml:4:1: duplicated mapping key',
    ],
    [
      'a tab',
      `${cluster}networking:\n\tpodSubnet: x\n`,
      'E_CONFIG_YAML',
      'cluster.yaml:4:1: tab characters must not be used in indentation',
    ],
    ['bad syntax', `${cluster}a: [1\n`, 'E_CONFIG_YAML', /^cluster.yaml:\d+:\d+: /],
    ['an unknown alias', `${cluster}a: *nowhere\n`, 'E_CONFIG_YAML', /^cluster.yaml:3:\d+: .*nowhere/],
    ['aliases that multiply', bomb(), 'E_CONFIG_YAML', 'cluster.yaml: aliases make more than 100000 values'],
    [
      'very deep nesting',
      `${cluster}a: ${'['.repeat(5000)}${']'.repeat(5000)}`,
      'E_CONFIG_YAML',
      /nesting|depth/i,
    ],
    ['very many aliases', `${cluster}a: &a 1\nb: [${'*a,'.repeat(5000)}]\n`, 'E_CONFIG_YAML', /alias/],
    ['a tag of a program', `${cluster}a: !!js/function x\n`, 'E_CONFIG_YAML', /unknown scalar tag/],
    ['a list', '- a\n', 'E_CONFIG_YAML', 'cluster.yaml: document 1 is a list, not a mapping'],
    [
      'a text',
      `${cluster}---\njust text\n`,
      'E_CONFIG_YAML',
      'cluster.yaml: document 2 is the string "just text", not a mapping',
    ],
    ['no kind', `${kubeadm}\n`, 'E_CONFIG_INVALID', 'cluster.yaml: document 1 has no kind'],
    [
      'no apiVersion',
      'kind: ClusterConfiguration\n',
      'E_CONFIG_INVALID',
      'cluster.yaml: document 1 has no apiVersion',
    ],
    [
      'two of a kind',
      `${cluster}---\n${cluster}`,
      'E_CONFIG_INVALID',
      'cluster.yaml: documents 1 and 2 both are ClusterConfiguration',
    ],
    [
      'two EdgeConfigurations',
      'apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n---\napiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n',
      'E_CONFIG_INVALID',
      'cluster.yaml: documents 1 and 2 both are EdgeConfiguration',
    ],
    [
      'an unknown version',
      'apiVersion: kubeadm.k8s.io/v1beta9\nkind: ClusterConfiguration\n',
      'E_CONFIG_INVALID',
      /unknown version "kubeadm.k8s.io\/v1beta9"/,
    ],
    [
      'a version of another group',
      'apiVersion: v1\nkind: KubeletConfiguration\n',
      'E_CONFIG_INVALID',
      /unknown version "v1"/,
    ],
    [
      'a dropped version',
      'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n',
      'E_CONFIG_INVALID',
      /old version/,
    ],
    [
      'a kind named like a property',
      `${kubeadm}\nkind: constructor\n`,
      'E_CONFIG_INVALID',
      /unknown kind "constructor"/,
    ],
  ])('refuses %s', (_, text, code, message) => {
    const error = errorOf(() => parse(text));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.hint).toBeTruthy();
  });

  it('suggests the kind and the version that were meant', () => {
    expect(errorOf(() => parse(`${kubeadm}\nkind: ClusterConfig\n`)).hint).toMatch(
      /Known kinds: .*ClusterConfiguration/,
    );
    expect(errorOf(() => parse(`${kubeadm}\nkind: Clusterconfiguratoin\n`)).hint).toBe(
      'Did you mean ClusterConfiguration?',
    );
    expect(errorOf(() => parse('apiVersion: kubeadm/v1beta4\nkind: JoinConfiguration\n')).hint).toBe(
      'Did you mean `apiVersion: kubeadm.k8s.io/v1beta4`?',
    );
    expect(
      errorOf(() => parse('apiVersion: kubeadm.k8s.io/v1beta2\nkind: JoinConfiguration\n')).hint,
    ).toContain('kubeadm v1.22');
  });

  it('refuses a key that an alias repeats inside itself', () => {
    // A YAML reader may make a cycle of it or refuse it; neither must hang.
    expect(errorOf(() => parse(`${cluster}a: &a [*a]\n`)).code).toBe('E_CONFIG_YAML');
  });

  it('leaves secrets out of the lines it shows', () => {
    const text = `${kubeadm}\nkind: InitConfiguration\nbootstrapTokens:\n- token: abcdef.0123456789abcdef\n- token: [\ncertificateKey: 00ff\n`;
    const error = errorOf(() => parse(text));
    expect(error.details.join('\n')).not.toMatch(/0123456789abcdef|00ff/);
  });

  it('never looks at 10 MB of text', () => {
    const error = errorOf(() => parse(`${cluster}${'a: b\n'.repeat(2_000_000)}`));
    expect(error).toMatchObject({
      code: 'E_CONFIG_YAML',
      message: 'cluster.yaml: the file is larger than 1 MiB',
    });
  });

  it('does not let a document touch the prototype of objects', () => {
    parse(`${cluster}__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}\n`);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('are rendered so that they read the same again', () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'yes',
        'No',
        '0755',
        '1:20',
        '1e3',
        '~',
        'null',
        '2026-01-01',
        '<<',
        '=',
        '0x1f',
        '- a',
        'a: b',
        '#x',
        '1_000',
        'a\nb\n',
      ),
      fc.boolean(),
      fc.integer(),
      fc.constant(null),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        scalar,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), value), (fields) => {
        fc.pre(!Object.hasOwn(fields, '__proto__'));
        const document = {
          ...fields,
          apiVersion: 'kubeadm.k8s.io/v1beta4',
          kind: 'ClusterConfiguration',
        } as KubeDocument;
        const text = renderDocuments([document]);
        expect(parse(text)).toEqual([document]);
        expect(renderDocuments(parse(text))).toBe(text);
      }),
    );
  });
});

describe('migration', () => {
  const old =
    'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer: {extraArgs: {v: "4"}}\n';
  const edge = 'apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\nenabled: false\n';
  const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\n';

  it('is needed for v1beta3 only', () => {
    expect(needsMigration(parse(old))).toBe(true);
    expect(needsMigration(parse(cluster))).toBe(false);
    expect(planMigration(file(cluster))).toBeUndefined();
  });

  it('hands kubeadm its own documents and keeps the others', () => {
    const plan = planMigration(file(`${old}---\n${edge}---\n${kubelet}`))!;
    expect(parse(plan.old).map(({ kind }) => kind)).toEqual(['ClusterConfiguration']);
    const migrated = `${kubeadm}\nkind: InitConfiguration\n---\n${cluster}apiServer: {extraArgs: [{name: v, value: "4"}]}\n`;
    const { text, path } = plan.finish(migrated);
    expect(path).toBe('cluster.yaml');
    const documents = parse(text);
    // The InitConfiguration that kubeadm adds was never the user's.
    expect(documents.map(({ kind }) => kind)).toEqual([
      'ClusterConfiguration',
      'EdgeConfiguration',
      'KubeletConfiguration',
    ]);
    expect(findDocument(documents, 'KubeletConfiguration')).toMatchObject({ maxPods: 50 });
  });
});

describe('reading the file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeadm-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('gives text and path', async () => {
    const path = join(folder, 'a.yaml');
    await writeFile(path, cluster);
    expect(await readConfigFile(path)).toEqual({ text: cluster, path });
  });

  it.each([
    ['missing.yaml', undefined, 'E_CONFIG_INVALID', /does not exist/],
    ['folder', null, 'E_CONFIG_INVALID', /is a folder/],
    ['large.yaml', Buffer.alloc(configLimit + 1, 'a'), 'E_CONFIG_YAML', /larger than 1 MiB/],
    ['binary.yaml', Buffer.from([0xff, 0xfe, 0x00]), 'E_CONFIG_YAML', /not UTF-8/],
  ])('refuses %s', async (name, content, code, message) => {
    const path = join(folder, name);
    if (content === null) await mkdir(path);
    else if (content) await writeFile(path, content);
    await expect(readConfigFile(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('stops reading what never ends', async () => {
    await expect(readConfigFile('/dev/zero')).rejects.toMatchObject({ code: 'E_CONFIG_YAML' });
  });
});
