import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundle } from '../../../src/package/program/bundle.ts';
import { filesBelow } from '../../../src/package/program/files.ts';
import { LAUNCHER } from '../../../src/package/program/launcher.ts';
import { programRoot } from '../../../src/package/program/root.ts';
import { scratch } from './support.ts';

async function launcher(folder: string, node: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'edgeadm'), LAUNCHER, { mode: 0o755 });
  await writeFile(join(folder, 'node'), node, { mode: 0o755 });
  return join(folder, 'edgeadm');
}

const SHOWS = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\nexit 7\n';

describe('the launcher', () => {
  it('is called by any path and through links, and hands on arguments and exit code', async () => {
    const folder = await scratch();
    const program = join(folder, 'with space', 'lib');
    const direct = await launcher(program, SHOWS);
    await symlink('../lib/edgeadm', join(program, 'relative'));
    await mkdir(join(folder, 'bin'));
    await symlink(direct, join(folder, 'bin', 'edgeadm'));
    await symlink('edgeadm', join(folder, 'bin', 'again'));
    for (const [call, cwd] of [
      [direct, '/'],
      ['./edgeadm', program],
      [join(program, 'relative'), '/'],
      [join(folder, 'bin', 'edgeadm'), '/'],
      [join(folder, 'bin', 'again'), '/'],
      ['bin/again', folder],
    ] as const) {
      let shown = '';
      try {
        execFileSync(call, ['a b', '', '*'], { cwd, encoding: 'utf8' });
      } catch (error) {
        const { status, stdout } = error as { status: number; stdout: string };
        expect(status, call).toBe(7);
        shown = stdout;
      }
      const [, entry, ...args] = shown.split('\n');
      expect(entry, call).toMatch(/cli\.js$/);
      expect(args, call).toEqual(['a b', '', '*', '']);
    }
  });

  it('gives Node.js the flags of EDGEADM_NODE_FLAGS', async () => {
    const folder = await scratch();
    const path = await launcher(folder, '#!/bin/sh\necho "$@"\n');
    const env = { PATH: process.env.PATH, EDGEADM_NODE_FLAGS: '--max-lazy --no-opt' };
    expect(execFileSync(path, ['status'], { env, encoding: 'utf8' })).toBe(
      `--max-lazy --no-opt ${join(folder, 'cli.js')} status\n`,
    );
  });

  it('is found on PATH', async () => {
    const folder = await scratch();
    await launcher(folder, '#!/bin/sh\necho found "$2"\n');
    const env = { PATH: `${folder}:${process.env.PATH}` };
    expect(execFileSync('edgeadm', ['here'], { env, encoding: 'utf8' })).toBe('found here\n');
  });
});

describe('the bundled program', { timeout: 120_000 }, () => {
  it('runs from anywhere, with its manifests and without a checkout', async () => {
    const folder = join(await scratch(), 'edgeadm');
    await bundle(folder);
    await writeFile(join(folder, 'edgeadm'), LAUNCHER, { mode: 0o755 });
    await copyFile(process.execPath, join(folder, 'node'));
    const run = (...args: string[]) =>
      execFileSync(join(folder, 'edgeadm'), args, { cwd: '/', encoding: 'utf8', env: {} });
    const { version } = JSON.parse(await readFile(join(programRoot(), 'package.json'), 'utf8'));
    expect(run('version')).toContain(`v${version}`);
    run('manifests', join(folder, 'out'));
    expect(await readFile(join(folder, 'out', 'cni', 'flannel.yaml'), 'utf8')).toContain('kind: DaemonSet');
  });

  it('shows help from one small file, without what runs commands', async () => {
    const folder = await scratch();
    await bundle(folder);
    for (const name of await readdir(join(folder, 'chunks')))
      if (/^(dispatch|init|join|package-command)-/.test(name)) await rm(join(folder, 'chunks', name));
    const help = (...args: string[]) =>
      execFileSync(process.execPath, [join(folder, 'cli.js'), ...args], { encoding: 'utf8' });
    expect(help('init', '--help')).toContain('--install-pkg-path');
    expect(help('help', 'package', 'build')).toContain('--sign-key');
    expect(help('join', 'phase', '-h')).toContain('container-runtime');
  });

  it('is the same bytes each time, and names what it is made of', async () => {
    const [one, two] = [join(await scratch(), 'a'), join(await scratch(), 'b')];
    await bundle(one);
    await bundle(two);
    const facts = async (folder: string) =>
      (await filesBelow(folder)).map(({ name, sha256 }) => [name, sha256]);
    expect(await facts(one)).toEqual(await facts(two));
    const packages = JSON.parse(await readFile(join(one, 'dependencies.json'), 'utf8'));
    expect(packages).toContainEqual(
      expect.objectContaining({ kind: 'npm', name: 'commander', licence: 'MIT' }),
    );
    for (const { name, version } of packages) {
      expect(await readFile(join(one, 'THIRD-PARTY-LICENSES.txt'), 'utf8')).toContain(`${name} ${version}\n`);
    }
  });
});
