import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakePrograms, run, temporaryFolder } from './harness.ts';

const none = { PATH: '/nowhere' };

async function file(text: string): Promise<{ cwd: string }> {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'c.yaml'), text);
  return { cwd };
}

const cluster =
  'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n';

test('the printed defaults of EdgeConfiguration are valid', async () => {
  const { code, stdout } = await run(['config', 'print', 'edge-defaults']);
  expect(code).toBe(0);
  expect(stdout).toContain('kind: EdgeConfiguration');
  const { cwd } = await file(stdout);
  expect(await run(['config', 'validate', '--config', 'c.yaml'], { cwd, env: none })).toMatchObject({
    code: 0,
    stdout: 'c.yaml: ok (EdgeConfiguration)\n',
  });
});

test('a field that does not exist is found, with file and suggestion', async () => {
  const { cwd } = await file(`${cluster}clusterNme: x\n`);
  const { code, stderr } = await run(['config', 'validate', '--config=c.yaml'], { cwd, env: none });
  expect(code).toBe(3);
  expect(stderr).toContain('clusterNme');
  expect(stderr).toContain('clusterName');
});

test("kubeadm's documents are checked by kubeadm too, and only they", async () => {
  const { env, folder } = await fakePrograms({
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's, not ours
    kubeadm: 'for a; do case $a in --config=*) cp "${a#--config=}" "$(dirname "$0")/seen" ;; esac; done',
  });
  const { cwd } = await file(
    `${cluster}---\napiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n`,
  );
  const done = await run(['config', 'validate', '--config=c.yaml', '-o', 'json'], { cwd, env });
  expect(done.code).toBe(0);
  expect(done.events().at(-1)).toMatchObject({
    data: { kinds: ['ClusterConfiguration', 'EdgeConfiguration'], byKubeadm: true },
  });
  const seen = await readFile(join(folder, 'seen'), 'utf8');
  expect(seen).toContain('ClusterConfiguration');
  expect(seen).not.toContain('EdgeConfiguration');
});

test('what kubeadm finds is an error', async () => {
  const { env } = await fakePrograms({ kubeadm: "echo 'error: bad things' >&2; exit 3" });
  const { cwd } = await file(cluster);
  const { code, stderr } = await run(['config', 'validate', '--config=c.yaml'], { cwd, env });
  expect(code).toBe(1);
  expect(stderr).toContain('error: kubeadm config validate failed: bad things');
});

test('without kubeadm it says that only half was checked', async () => {
  const { cwd } = await file(cluster);
  const { code, stderr } = await run(['config', 'validate', '--config=c.yaml'], { cwd, env: none });
  expect(code).toBe(0);
  expect(stderr).toContain('warning: there is no kubeadm on this host');
});

test('migrate leaves a current file as it is', async () => {
  const { cwd } = await file(cluster);
  expect(await run(['config', 'migrate', '--old-config', 'c.yaml'], { cwd, env: none })).toMatchObject({
    code: 0,
    stdout: cluster,
  });
});

test('migrate hands old documents to kubeadm and keeps the others', async () => {
  const { env } = await fakePrograms({ kubeadm: `printf '%s' '${cluster}'` });
  const old = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n';
  const { cwd } = await file(
    `${old}---\napiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\nenabled: false\n`,
  );
  const { code, stdout } = await run(['config', 'migrate', '--old-config=c.yaml', '--new-config=n.yaml'], {
    cwd,
    env,
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'wrote n.yaml\n' });
  const text = await readFile(join(cwd, 'n.yaml'), 'utf8');
  expect(text).toContain('kubeadm.k8s.io/v1beta4');
  expect(text).toContain('enabled: false');
  expect(text).not.toContain('v1beta3');
});

test.each([
  [['config', 'validate'], '--config is missing'],
  [['config', 'migrate'], '--old-config is missing'],
])('%j needs its file', async (argv, message) => {
  const { code, stderr } = await run(argv);
  expect(code).toBe(3);
  expect(stderr).toContain(message);
});
