import { readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureNodeImage, mmdebstrapArguments, parseSources } from '../../../src/playground/image.ts';
import { imageName, nodeRecipe } from '../../../src/playground/image-recipe.ts';
import { fakeMachine } from '../../fakes/machine.ts';
import { fakeProvider } from '../../fakes/provider.ts';

const run = { signal: new AbortController().signal, progress() {} };

describe('the name of a node image', () => {
  it('is the same for the same recipe, and another for any other', () => {
    expect(imageName(nodeRecipe, 'x64')).toBe(imageName(structuredClone(nodeRecipe), 'x64'));
    const others = [
      imageName({ ...nodeRecipe, suite: 'trixie' }, 'x64'),
      imageName({ ...nodeRecipe, packages: [...nodeRecipe.packages, 'vim'] }, 'x64'),
      imageName({ ...nodeRecipe, files: nodeRecipe.files.slice(1) }, 'x64'),
      imageName(nodeRecipe, 'arm64'),
    ];
    expect(new Set([imageName(nodeRecipe, 'x64'), ...others]).size).toBe(5);
  });
});

describe('making a node image', () => {
  it('is skipped when it is there', async () => {
    const [machine, provider] = [fakeMachine(), fakeProvider()];
    provider.images.add(imageName(nodeRecipe));
    expect(await ensureNodeImage(provider, machine, nodeRecipe, run)).toEqual({
      image: imageName(nodeRecipe),
      made: false,
    });
    expect(machine.ran).toEqual([]);
  });
  it('puts the files in place and removes images of older recipes', async () => {
    const [machine, provider] = [fakeMachine(), fakeProvider()];
    const old = 'localhost/edgeadm-node:0000';
    provider.images.add(old).add('localhost/other:1');
    const seen: Record<string, unknown> = {};
    const provided = machine.run;
    machine.run = async (command, options) => {
      if (command.file === 'mmdebstrap') {
        const tree = command.args!.find((arg) => arg.includes('sync-in'))!.split(' ')[1]!;
        seen.boot = (await stat(join(tree, 'usr/lib/edgeadm-playground/boot'))).mode & 0o777;
        seen.edgeadm = await readlink(join(tree, 'usr/local/bin/edgeadm'));
        seen.unit = await readFile(join(tree, 'etc/systemd/system/edgeadm-playground.service'), 'utf8');
      }
      return provided(command, options);
    };
    expect(await ensureNodeImage(provider, machine, nodeRecipe, run)).toMatchObject({ made: true });
    expect(seen).toMatchObject({
      boot: 0o755,
      edgeadm: '/opt/edgeadm/program/edgeadm',
      unit: expect.stringContaining('Before=sysinit.target'),
    });
    expect([...provider.images].sort()).toEqual([imageName(nodeRecipe), 'localhost/other:1'].sort());
  });
});

describe('Debian mirrors', () => {
  const targets = [
    'http://mirror.corp/debian/ bookworm Debian',
    'http://mirror.corp/debian/ bookworm Debian',
    'http://mirror.corp/debian-security/ bookworm-security Debian',
    'https://deb.nodesource.com/node_20.x/ nodistro nodesource',
  ].join('\n');
  it('are those of the machine, when it has the same release', () => {
    expect(parseSources(targets, 'bookworm')).toEqual([
      'deb http://mirror.corp/debian/ bookworm main',
      'deb http://mirror.corp/debian-security/ bookworm-security main',
    ]);
  });
  it('are left to mmdebstrap otherwise', () => {
    expect(parseSources(targets, 'trixie')).toEqual([]);
    expect(parseSources('', 'bookworm')).toEqual([]);
  });
  it('come last on the command line', () => {
    const args = mmdebstrapArguments(nodeRecipe, '/t/files', '/t/node.tar', ['deb http://m bookworm main']);
    expect(args.slice(-3)).toEqual(['bookworm', '/t/node.tar', 'deb http://m bookworm main']);
    expect(args).toContain('--variant=minbase');
  });
});
