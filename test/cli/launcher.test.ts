import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from './harness.ts';

// Starts other programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const launcher = fileURLToPath(new URL('../../bin/edgeadm', import.meta.url));

/** Runs a launcher; resolves also when it fails. */
function start(
  file: string,
  args: string[],
  { cwd = '/', env = {} }: { cwd?: string; env?: Record<string, string> } = {},
) {
  const options = { cwd, env: { PATH: '/usr/bin:/bin', HOME: '/nowhere', ...env } };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

async function program(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
  await chmod(join(folder, name), 0o755);
}

/** A checkout whose Node.js prints what it was called with. */
async function checkout(): Promise<{ root: string; file: string; bin: string }> {
  const root = await temporaryFolder();
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'src'));
  await cp(launcher, join(root, 'bin', 'edgeadm'));
  await writeFile(join(root, 'src', 'cli.ts'), '');
  await writeFile(join(root, 'package-lock.json'), '{}');
  await program(join(root, 'node_modules', 'node', 'bin'), 'node', 'printf "node24 %s\\n" "$@"');
  await writeFile(join(root, 'node_modules', '.package-lock.json'), '{}');
  await program(
    join(root, 'tools'),
    'npm',
    `echo "npm $*"; mkdir -p ${root}/node_modules/node/bin; printf '#!/bin/sh\\nprintf "fresh %%s\\\\n" "$@"\\n' > ${root}/node_modules/node/bin/node; chmod +x ${root}/node_modules/node/bin/node; echo {} > ${root}/node_modules/.package-lock.json`,
  );
  return { root, file: join(root, 'bin', 'edgeadm'), bin: join(root, 'tools') };
}

test('this checkout starts, from anywhere and through links', async () => {
  const folder = await temporaryFolder();
  await symlink(launcher, join(folder, 'one'));
  await mkdir(join(folder, 'sub'));
  await symlink('../one', join(folder, 'sub', 'two'));
  const { code, stdout } = await start(join(folder, 'sub', 'two'), ['version', '-o', 'json'], {
    cwd: folder,
  });
  expect(code).toBe(0);
  expect(JSON.parse(stdout).clientVersion.nodeVersion).toMatch(/^v2[4-9]\./);
});

test('arguments and exit code are handed on as they are', async () => {
  const { file, root } = await checkout();
  expect((await start(file, ['a b', '', '--x=*'])).stdout).toBe(
    `node24 ${root}/src/cli.ts\nnode24 a b\nnode24 \nnode24 --x=*\n`,
  );
  await program(join(root, 'node_modules', 'node', 'bin'), 'node', 'exit 3');
  expect((await start(file, [])).code).toBe(3);
});

test('missing dependencies are installed first, and said so on stderr', async () => {
  const { root, file, bin } = await checkout();
  await rm(join(root, 'node_modules'), { recursive: true });
  const { code, stdout, stderr } = await start(file, ['x'], { env: { PATH: `${bin}:/usr/bin:/bin` } });
  expect(code).toBe(0);
  expect(stdout).toBe(`fresh ${root}/src/cli.ts\nfresh x\n`);
  expect(stderr).toContain(`edgeadm: node_modules is missing; running "npm ci" in ${root}`);
  expect(stderr).toContain('npm ci');
  const again = await start(file, ['x'], { env: { PATH: `${bin}:/usr/bin:/bin` } });
  expect(again.stderr).toBe('');
});

test('dependencies older than package-lock.json are installed again', async () => {
  const { root, file, bin } = await checkout();
  const later = new Date(Date.now() + 60_000);
  await utimes(join(root, 'package-lock.json'), later, later);
  const { stderr } = await start(file, [], { env: { PATH: `${bin}:/usr/bin:/bin` } });
  expect(stderr).toContain('node_modules is older than package-lock.json');
});

test('two starts at once install once', async () => {
  const { root, file, bin } = await checkout();
  await rm(join(root, 'node_modules'), { recursive: true });
  await program(bin, 'slow', '');
  const npm = await readFile(join(bin, 'npm'), 'utf8');
  await program(bin, 'npm', `echo once >> ${root}/count; sleep 0.2\n${npm.replace('#!/bin/sh\n', '')}`);
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  const results = await Promise.all([start(file, [], { env }), start(file, [], { env })]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(await readFile(join(root, 'count'), 'utf8')).toBe('once\n');
});

test('dependencies that are linked are used as they are, and never installed over', async () => {
  const { root, file, bin } = await checkout();
  const elsewhere = join(await temporaryFolder(), 'modules');
  await rename(join(root, 'node_modules'), elsewhere);
  await symlink(elsewhere, join(root, 'node_modules'));
  const path = { env: { PATH: `${bin}:/usr/bin:/bin` } };
  await utimes(join(root, 'package-lock.json'), new Date(), new Date(Date.now() + 60_000));
  expect((await start(file, ['x'], path)).stdout).toContain('node24 x');
  await rm(join(elsewhere, '.package-lock.json'));
  const { code, stderr } = await start(file, ['x'], path);
  expect(code).toBe(1);
  expect(stderr).toContain('it is a link: run "npm ci" where it leads to');
});

test('a failed installation is an error that names the folder', async () => {
  const { root, file, bin } = await checkout();
  await rm(join(root, 'node_modules'), { recursive: true });
  await program(bin, 'npm', 'echo "no network" >&2; exit 1');
  const { code, stdout, stderr } = await start(file, [], { env: { PATH: `${bin}:/usr/bin:/bin` } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('no network');
  expect(stderr).toContain(`"npm ci" failed in ${root}`);
});

test.each([
  ['v20.19.0', false],
  ['v22.18.9', false],
  ['v22.19.0', true],
  ['v24.0.0', true],
  ['v100.1.0', true],
])("a published package with the user's Node.js %s: %s", async (version, good) => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'dist'));
  await cp(launcher, join(root, 'bin', 'edgeadm'));
  await writeFile(join(root, 'dist', 'cli.js'), '');
  const tools = join(root, 'tools');
  await program(
    tools,
    'node',
    `if [ "$1" = --version ]; then echo ${version}; else printf "ran %s\\n" "$@"; fi`,
  );
  const { code, stdout, stderr } = await start(join(root, 'bin', 'edgeadm'), ['x'], {
    env: { PATH: `${tools}:/usr/bin:/bin` },
  });
  if (good)
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `ran ${root}/dist/cli.js\nran x\n`,
      stderr: '',
    });
  else {
    expect(code).toBe(1);
    expect(stderr).toBe(`edgeadm: Node.js ${version} is too old; install Node.js 22.19 or newer\n`);
  }
});

test.skipIf(process.getuid?.() !== 0)('--rootfs runs edgeadm with another root, from its /', async () => {
  const cwd = await temporaryFolder();
  const argv = ['init', 'phase', 'certs/ca', '--rootfs', '/', '--config=nowhere.yaml', '-o', 'json'];
  const { code, stdout, stderr } = await start(launcher, argv, { cwd });
  expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    command: 'init phase certs ca',
    error: { code: 'E_CONFIG_INVALID', message: '--config: /nowhere.yaml does not exist' },
  });
});
