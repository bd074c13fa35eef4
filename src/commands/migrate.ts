import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Migration } from '../config/migration.ts';
import type { ConfigText } from '../config/yaml.ts';
import { EdgeadmError } from '../errors.ts';
import { type KubeadmResult, runKubeadm } from './kubeadm.ts';
import type { Call } from './spec.ts';

/** Lets kubeadm bring documents to its current API version. Errors: E_COMMAND_MISSING, E_KUBEADM. */
export async function migrate(
  call: Call,
  migration: Migration,
  flags: readonly string[] = [],
): Promise<ConfigText> {
  const { exitCode, stdout, stderr } = await withFile(migration.old, (file) =>
    runKubeadm(call, ['config', 'migrate', `--old-config=${file}`, ...flags]),
  );
  if (exitCode !== 0) throw kubeadmError('config migrate', stderr);
  return migration.finish(stdout);
}

/** Checks kubeadm's documents by kubeadm itself. Errors: E_COMMAND_MISSING. */
export function validate(call: Call, documents: string, flags: readonly string[]): Promise<KubeadmResult> {
  return withFile(documents, (file) =>
    runKubeadm(call, ['config', 'validate', `--config=${file}`, ...flags]),
  );
}

export function kubeadmError(what: string, stderr: string): EdgeadmError {
  const lines = stderr.trim().split('\n');
  const last = lines.findLast((line) => line.startsWith('error'))?.replace(/^error:? ?/, '') ?? lines.at(-1);
  return new EdgeadmError('E_KUBEADM', `kubeadm ${what} failed: ${last}`, {
    details: lines.slice(-20),
    hint: 'These are the words of kubeadm; mend what they name.',
  });
}

/** Documents can hold tokens: the file is in a folder that only this user can enter, and goes away again. */
async function withFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-'));
  try {
    const file = join(folder, 'kubeadm.yaml');
    await writeFile(file, text, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
