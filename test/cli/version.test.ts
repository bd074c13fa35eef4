import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { run } from './harness.ts';

const version = `v${manifest.version}`;

test('one line for people', async () => {
  for (const argv of [['version'], ['--version'], ['version', '-v', '2']]) {
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^edgeadm version: ${version} \\(Node\\.js v[\\d.]+, linux/(amd64|arm64)\\)\\n$`),
    );
  }
});

test('short, JSON and YAML for programs', async () => {
  expect((await run(['version', '-o', 'short'])).stdout).toBe(`${version}\n`);
  const json = JSON.parse((await run(['version', '-o=json'])).stdout);
  expect(json.clientVersion).toMatchObject({ gitVersion: version, nodeVersion: process.version });
  expect(load((await run(['version', '--output', 'yaml'])).stdout)).toEqual(json);
  expect(await run(['version', '-o', 'tree'])).toMatchObject({ code: 3, stdout: '' });
});
