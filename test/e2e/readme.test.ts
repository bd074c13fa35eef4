import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initArguments, waitForReady } from './support/cluster.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { readmeBlocks, root } from './support/readme.ts';

describe('"Try it" of the README', () => {
  const name = `test-${process.pid}-0`;
  const named = (line: string) => line.replace(/(bin\/edgeadm playground \w+)/, `$1 --name ${name}`);
  const type = (line: string) => execa('sh', ['-c', named(line)], { cwd: root, reject: false });

  afterAll(() => type('bin/edgeadm playground delete'));

  test('does what it says, line by line', async () => {
    const lines = (await readmeBlocks('Try it')).flat().filter((line) => line !== 'npm cit');
    expect(lines[0]).toBe('bin/edgeadm playground create');
    expect(lines.at(-1)).toBe('bin/edgeadm playground delete');
    for (const line of lines) {
      const { exitCode, stdout, stderr } = await type(line);
      expect(exitCode, `${line}\n${stderr}`).toBe(0);
      if (line.endsWith('get nodes')) {
        expect(stdout.match(/^\S+ +Ready /gm)?.length, stdout).toBe(3);
      }
      if (/playground (create|connect)/.test(line)) {
        const ready = await type(
          'bin/edgeadm playground kubectl wait --for=condition=Ready nodes --all --timeout=90s',
        );
        expect(ready.stdout.match(/condition met/g)?.length, ready.stderr).toBe(3);
      }
    }
    const left = await type('bin/edgeadm playground list');
    expect(left.stdout).not.toContain(name);
  });
});

describe('"Use it" of the README, on bare nodes', () => {
  const file = 'edgeadm-v1.36.3-linux-amd64.tar.zst';
  let folder: string;
  let playground: TestPlayground;
  let blocks: string[][];
  let printed: string;

  const type = async (node: TestNode, line: string, input?: string) => {
    const script = `cd /root && ${line}`;
    return node.sh(script, { timeoutMs: 500_000, ...(input === undefined ? {} : { input }) });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeadm-readme-'));
    blocks = await readmeBlocks('Use it');
    const [build, unpack] = blocks[0]!;
    await execa('sh', ['-c', build!.replace(/^bin\/edgeadm/, join(root, 'bin/edgeadm'))], { cwd: folder });
    await execa('sh', ['-c', unpack!], { cwd: folder });
    playground = await createTestPlayground({ edges: 1, package: join(folder, file) });
    for (const node of playground.nodes) {
      // What the line with scp does; the package itself is on the node already.
      await execa('podman', ['cp', join(folder, 'edgeadm'), `${node.name}:/root/edgeadm`]);
      await node.run(['ln', '-s', playground.packagePath, `/root/${file}`]);
    }
  });
  afterAll(async () => {
    if (!process.env.EDGEADM_TEST_KEEP) await playground?.delete();
    await rm(folder, { recursive: true, force: true });
  });

  test('the blocks are build, init, join and reset', () => {
    expect(blocks.map((block) => block.at(-1)!.split(' ').slice(0, 2).join(' '))).toEqual([
      'scp -r',
      './edgeadm/edgeadm init',
      './edgeadm/edgeadm join',
      'edgeadm reset',
    ]);
    expect(blocks[0]!.at(-1)).toContain(` edgeadm ${file} `);
  });

  test('init makes a control plane, and says how to join', async () => {
    const arguments_ = await initArguments(playground);
    const config = arguments_[arguments_.indexOf('--config') + 1];
    const { stdout } = await type(playground.controlPlane, `${blocks[1]![0]} --config ${config}`);
    printed = stdout;
    expect(stdout).toMatch(/edgeadm join \S+ --token/);
  });

  test('join adds a node with what init printed', async () => {
    const [, endpoint, token, hash] =
      /edgeadm join (\S+) --token (\S+)[\s\\]+--discovery-token-ca-cert-hash (\S+)/.exec(printed)!;
    const line = blocks[2]![0]!
      .replace('10.0.0.10:6443', endpoint!)
      .replace('abcdef.0123456789abcdef', token!)
      .replace('sha256:1234…', hash!);
    await type(playground.node('edge-1'), line);
    await waitForReady(playground, 2);
  });

  test('reset asks, and takes it back', async () => {
    const node = playground.node('edge-1');
    await type(node, blocks[3]![0]!, 'y\n');
    const places = ['/var/lib/edgeadm', '/etc/kubernetes', '/usr/local/bin/kubelet'];
    const left = await node.run(['ls', '-d', ...places], { allowFailure: true });
    expect(left.stdout).toBe('');
  });
});
