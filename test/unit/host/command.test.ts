import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { processStart } from '../../../src/host/procfs.ts';
import { mask, quote, quoteCommand } from '../../../src/host/quote.ts';
import { open, program, temporaryRoot } from './helpers.ts';

const word = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'\'"$`\\!*?[]{}()<>|&;~#= \t\n-aZ0'.split('')) }),
  )
  .filter((text) => !text.includes('\0') && text.isWellFormed());

test('a quoted word reads back unchanged in a real shell', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const line = `printf '%s\\0' ${words.map(quote).join(' ')}`;
      const output = execFileSync('sh', ['-c', line], { encoding: 'utf8' });
      expect(output.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 100 },
  );
});

test('plain words stay as they are', () => {
  expect(quoteCommand('kubeadm', ['init', '--config=/etc/x.yaml', '--v', '5'])).toBe(
    'kubeadm init --config=/etc/x.yaml --v 5',
  );
  expect(quoteCommand('a=b', ['', "it's", '=x', '~'])).toBe(`'a=b' '' 'it'\\''s' '=x' '~'`);
});

test('secrets are masked, the longest first', () => {
  expect(mask('token abcdef and abc', ['abc', 'abcdef', ''])).toBe('token *** and ***');
});

test('a failed command is paste-ready, has its last lines and no secret', async () => {
  const { host, events } = await open(await temporaryRoot());
  const script = 'for i in $(seq 30); do echo "line $i hunter2"; done; echo wrong >&2; exit 7';
  const failed = host.query({ file: 'sh', args: ['-c', script, 'sh', 'hunter2'], secrets: ['hunter2'] });
  const error = await failed.catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: 'E_COMMAND',
    message: expect.stringMatching(/^sh -c 'for i .*' sh '\*\*\*' failed with exit status 7$/s),
  });
  expect(error.details).toHaveLength(20);
  expect(error.details).toContain('wrong');
  expect(error.details).toContain('line 30 ***');
  expect(JSON.stringify([error.message, error.details, events])).not.toContain('hunter2');
});

test.for([
  ['No space left on device', 'A disk is full'],
  ['Read-only file system', 'A file system is read-only'],
])('a command that failed with "%s" says what to do about it', async ([said, hint]) => {
  const { host } = await open(await temporaryRoot());
  const failed = host.query({
    file: 'sh',
    args: ['-c', `echo "write /x: ${said!.toLowerCase()}" >&2; exit 1`],
  });
  await expect(failed).rejects.toMatchObject({ code: 'E_COMMAND', hint: expect.stringContaining(hint!) });
});

test('the environment is minimal, with what the command adds', async () => {
  vi.stubEnv('HTTP_PROXY', 'http://proxy');
  const { host } = await open(await temporaryRoot());
  const { stdout } = await host.query({ file: 'env', env: { EXTRA: '1' } });
  const names = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('=')[0]);
  expect(names.sort()).toEqual(['EDGEADM_RUN', 'EXTRA', 'HOME', 'LANG', 'LC_ALL', 'PATH']);
  vi.unstubAllEnvs();
});

test('input comes from text, a file, or another command', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await fs.writeFile(path.join(root, 'input'), 'from a file');
  expect((await host.query({ file: 'cat' })).stdout).toBe('');
  expect((await host.query({ file: 'cat', input: 'text' })).stdout).toBe('text');
  expect((await host.query({ file: 'cat', input: { path: path.join(root, 'input') } })).stdout).toBe(
    'from a file',
  );
  const seen = await host.query({
    file: 'readlink',
    args: ['/proc/self/fd/0'],
    input: { path: path.join(root, 'input') },
  });
  expect(seen.stdout.trim()).toBe(path.join(await fs.realpath(root), 'input'));
  await expect(host.query({ file: 'cat', input: { path: path.join(root, 'none') } })).rejects.toMatchObject({
    code: 'E_HOST_WRITE',
    message: expect.stringContaining(path.join(root, 'none')),
  });
  const bytes = 3_000_000;
  const pipe = { command: { file: 'head', args: ['-c', String(bytes), '/dev/zero'] } };
  expect((await host.query({ file: 'wc', args: ['-c'], input: pipe })).stdout.trim()).toBe(String(bytes));
});

test('in a pipe both must succeed, and neither outlives the other', async () => {
  const { host } = await open(await temporaryRoot());
  const writer = { command: { file: 'sh', args: ['-c', 'echo some; exit 4'] } };
  await expect(host.query({ file: 'cat', input: writer })).rejects.toMatchObject({
    message: expect.stringContaining('exit status 4'),
  });
  const endless = { command: { file: 'yes' } };
  await expect(host.query({ file: 'false', input: endless })).rejects.toMatchObject({
    message: expect.stringContaining('false failed with exit status 1'),
  });
  const missing = { command: { file: 'no-such-program' } };
  await expect(host.query({ file: 'cat', input: missing })).rejects.toMatchObject({
    code: 'E_COMMAND_MISSING',
  });
});

test('a program that is missing or cannot run is told apart', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await expect(host.query({ file: 'no-such-program' })).rejects.toMatchObject({
    code: 'E_COMMAND_MISSING',
    message: expect.stringMatching(/no program no-such-program .*\/usr\/local\/bin/),
  });
  await expect(host.query({ file: 'true', cwd: '/no/such/directory' })).rejects.toMatchObject({
    code: 'E_COMMAND',
    message: expect.stringContaining('/no/such/directory'),
  });
  await fs.writeFile(path.join(root, 'bin/plain'), 'text', { mode: 0o644 });
  await expect(host.query({ file: path.join(root, 'bin/plain') })).rejects.toMatchObject({
    code: 'E_COMMAND',
    message: expect.stringContaining('EACCES'),
  });
});

test.for(['timeout', 'abort'] as const)(
  '%s stops the whole process group',
  { timeout: 60_000 },
  async (how) => {
    const root = await temporaryRoot();
    const { host } = await open(root);
    const pids = path.join(root, 'pids');
    const controller = new AbortController();
    const started = vi.waitFor(async () => expect(await fs.readFile(pids, 'utf8')).toMatch(/\n$/), {
      timeout: 20_000,
    });
    const command = {
      file: 'sh',
      args: ['-c', 'sleep 303 & echo $$ $! > "$1"; wait', 'sh', pids],
      ...(how === 'timeout' ? { timeoutMs: 1500 } : { signal: controller.signal }),
    };
    const running = host.query(command).catch((error) => error);
    await started;
    controller.abort();
    const error = await running;
    expect(error.code).toBe(how === 'timeout' ? 'E_TIMEOUT' : 'E_INTERRUPTED');
    for (const pid of (await fs.readFile(pids, 'utf8')).trim().split(' ').map(Number)) {
      await vi.waitFor(async () => expect(await processStart(pid)).toBeUndefined());
    }
    controller.abort();
  },
);

test('a program whose daemon keeps the pipes open still ends', async () => {
  const { host } = await open(await temporaryRoot());
  const { stdout } = await host.query({ file: 'sh', args: ['-c', 'echo ready; setsid sleep 5 & exit 0'] });
  expect(stdout).toBe('ready\n');
});

test('text that is split anywhere arrives as whole lines', async () => {
  const root = await temporaryRoot();
  await program(
    root,
    'talk',
    '#!/bin/sh\nprintf "ein"; sleep 0.1; printf "s\\nzw\\303"; sleep 0.1; printf "\\266lf\\r\\nend"\n',
  );
  const { host } = await open(root);
  const lines: string[] = [];
  await host.query({ file: 'talk', onLine: (line) => lines.push(line) });
  expect(lines).toEqual(['eins', 'zwölf', 'end']);
});
