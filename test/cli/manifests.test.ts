import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadManifests, manifestNames } from '../../src/kube/manifests.ts';
import { run, temporaryFolder } from './harness.ts';

test('every manifest is written, in a form that --manifests-dir takes', async () => {
  const cwd = await temporaryFolder();
  const { code, stdout } = await run(['manifests', 'm'], { cwd });
  expect(code).toBe(0);
  const names = await manifestNames();
  expect(names).toContain('cni/flannel');
  expect(stdout.trim().split('\n')).toEqual(names.map((name) => `wrote ${join(cwd, 'm', name)}.yaml`));
  expect(await loadManifests('cni/flannel', { manifestsDir: join(cwd, 'm') })).toEqual(
    await loadManifests('cni/flannel'),
  );
});

test('a file that is there is never overwritten', async () => {
  const cwd = await temporaryFolder();
  await run(['manifests'], { cwd });
  const mine = join(cwd, 'manifests', 'cni', 'flannel.yaml');
  await writeFile(mine, '# mine\n');
  const { code, stdout } = await run(['manifests'], { cwd });
  expect(code).toBe(0);
  expect(stdout).not.toContain('wrote');
  expect(stdout).toContain(`kept ${mine}, which was there`);
  expect(await readFile(mine, 'utf8')).toBe('# mine\n');
});

test('a folder that cannot be made is an error', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'file'), '');
  const { code, stderr } = await run(['manifests', 'file'], { cwd });
  expect(code).toBe(1);
  expect(stderr).toContain(`cannot write ${join(cwd, 'file')}`);
});
