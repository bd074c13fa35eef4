import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { findDocument, parseDocuments, renderDocuments } from '../config/documents.ts';
import { edgeDefaults, toEdgeDocument } from '../config/edge-configuration.ts';
import { planMigration } from '../config/migration.ts';
import { readConfigFile } from '../config/read.ts';
import { EdgeadmError } from '../errors.ts';
import { machineFacts } from './machine.ts';
import { kubeadmError, migrate, validate } from './migrate.ts';
import type { Call, Outcome } from './spec.ts';

export async function printEdgeDefaults(): Promise<Outcome> {
  const document = toEdgeDocument(edgeDefaults(await machineFacts()));
  return { text: renderDocuments([document]), data: { document } };
}

/** Errors: E_USAGE without --config; what the readers of the documents throw; E_KUBEADM for what kubeadm finds. */
export async function validateFile(call: Call): Promise<Outcome> {
  const { flags, io, emit } = call;
  const path = required(flags.config, 'config');
  const config = await readConfigFile(resolve(io.cwd, path));
  const documents = parseDocuments(config);
  const input = { flags: {}, config, machine: await machineFacts() };
  const has = (kind: string): boolean => findDocument(documents, kind) !== undefined;
  if (has('JoinConfiguration')) (await import('../config/join.ts')).resolveJoin(input);
  if (has('ResetConfiguration')) (await import('../config/reset.ts')).resolveReset(input);
  if (!has('JoinConfiguration') && !has('ResetConfiguration'))
    (await import('../config/init.ts')).resolveInit(input);

  const kubeadms = documents.filter(({ apiVersion }) => apiVersion.startsWith('kubeadm.k8s.io/'));
  let byKubeadm = false;
  if (kubeadms.length > 0) {
    const switches = {
      allowExperimentalApi: '--allow-experimental-api',
      allowDeprecatedApi: '--allow-deprecated-api',
    };
    const given = Object.entries(switches).flatMap(([name, flag]) => (flags[name] === true ? [flag] : []));
    byKubeadm = await validate(call, renderDocuments(kubeadms), given).then(
      ({ exitCode, stderr }) => {
        if (exitCode !== 0) throw kubeadmError('config validate', stderr);
        return true;
      },
      (thrown: unknown) => {
        if (!(thrown instanceof EdgeadmError) || thrown.code !== 'E_COMMAND_MISSING') throw thrown;
        emit({
          type: 'warning',
          message: 'there is no kubeadm on this host: only what edgeadm itself knows was checked',
        });
        return false;
      },
    );
  }
  const kinds = documents.map(({ kind }) => kind);
  return { text: `${path}: ok (${kinds.join(', ')})`, data: { kinds, byKubeadm } };
}

/** Errors: E_USAGE without --old-config; E_COMMAND_MISSING, E_KUBEADM; E_HOST_WRITE. */
export async function migrateFile(call: Call): Promise<Outcome> {
  const { flags, io } = call;
  const config = await readConfigFile(resolve(io.cwd, required(flags.oldConfig, 'old-config')));
  const plan = planMigration(config);
  const experimental = flags.allowExperimentalApi === true ? ['--allow-experimental-api'] : [];
  const { text } = plan ? await migrate(call, plan, experimental) : config;
  const target = flags.newConfig;
  const data = { migrated: plan !== undefined };
  if (typeof target !== 'string') return { text, data: { ...data, config: text } };
  const file = resolve(io.cwd, target);
  await writeFile(file, text, { mode: 0o600 }).catch((thrown: NodeJS.ErrnoException) => {
    throw new EdgeadmError('E_HOST_WRITE', `cannot write ${file}: ${thrown.code}`, {
      hint: 'Name a file that you may write with --new-config.',
      cause: thrown,
    });
  });
  return {
    text: plan ? `wrote ${target}` : `wrote ${target}; there was nothing to migrate`,
    data: { ...data, file },
  };
}

function required(value: unknown, flag: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new EdgeadmError('E_USAGE', `the flag --${flag} is missing`, { hint: `Add --${flag} FILE.` });
}
