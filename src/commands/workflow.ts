import { resolve } from 'node:path';
import { camelCase, type FlagSpec } from '../config/flags/spec.ts';
import type { ConfigText } from '../config/yaml.ts';
import { EdgeadmError } from '../errors.ts';
import type { JournaledHost } from '../host/host.ts';
import type { OpenOptions } from '../package/types.ts';
import type { Phase } from '../workflow/phase.ts';
import { select } from '../workflow/select.ts';
import type { Call, Outcome } from './spec.ts';

export interface Workflow<C> {
  phases: readonly Phase<C>[];
  /** Name of the one phase to run, or undefined for all. */
  only: string | undefined;
  settings: { dryRun: boolean; skipPhases: readonly string[] };
  /** Flags of the command, for its name in lock and journal. */
  flags: readonly FlagSpec[];
  context(host: JournaledHost): Promise<C>;
}

/** Opens this host, runs phases on it and closes it again. Unknown and contradicting phases are found before that. */
export async function runWorkflow<C extends { result: Record<string, unknown> }>(
  call: Call,
  { phases, only, settings, flags, context }: Workflow<C>,
): Promise<Outcome> {
  const { command, emit, signal } = call;
  const selected = select(phases, { only: only === undefined ? [] : [only], skip: settings.skipPhases });
  const [{ openHost }, { runPhases }] = await Promise.all([
    import('../host/open.ts'),
    import('../workflow/run.ts'),
  ]);
  const shown = commandLine(call, flags);
  // A run takes minutes, in which any user of the host can read the arguments of its processes.
  if (flags.some((spec) => spec.secret && call.flags[camelCase(spec.name)] !== undefined))
    call.io.showAs?.(shown);
  const host = await openHost({ emit, dryRun: settings.dryRun, command: shown });
  try {
    const ctx = await context(host);
    const { ran, skipped } = await runPhases(selected, ctx, { command, emit, signal });
    return { data: { dryRun: settings.dryRun, phases: ran, skipped, ...ctx.result } };
  } finally {
    await host.close();
  }
}

/** The file of --config, in the current version of kubeadm's API. Errors: E_CONFIG_INVALID, E_CONFIG_YAML, E_KUBEADM. */
export async function loadConfig(call: Call): Promise<{ config?: ConfigText }> {
  const file = call.flags.config;
  if (typeof file !== 'string') return {};
  const { readConfigFile } = await import('../config/read.ts');
  const config = await readConfigFile(resolve(call.io.cwd, file));
  const { planMigration } = await import('../config/migration.ts');
  const migration = planMigration(config);
  if (!migration) return { config };
  const { migrate } = await import('./migrate.ts');
  const migrated = await migrate(call, migration).catch((thrown: unknown) => {
    // Without a kubeadm the file stays as it is, and its reader says what to do.
    if (thrown instanceof EdgeadmError && thrown.code === 'E_COMMAND_MISSING') return undefined;
    throw thrown;
  });
  if (!migrated) return { config };
  call.emit({
    type: 'warning',
    message: `${file} uses an older version of kubeadm's API; it was migrated for this run`,
    hint: `Keep the result: edgeadm config migrate --old-config ${file} --new-config FILE`,
  });
  return { config: migrated };
}

/** How the install package is opened. Errors: E_CONFIG_INVALID when the key file cannot be read. */
export async function packageOptions(publicKeyFile: string | undefined): Promise<OpenOptions> {
  if (publicKeyFile === undefined || publicKeyFile === '') return {};
  const { readFile } = await import('node:fs/promises');
  try {
    return { publicKey: await readFile(publicKeyFile, 'utf8') };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw new EdgeadmError(
      'E_CONFIG_INVALID',
      `the public key file ${publicKeyFile} cannot be read: ${code}`,
      {
        hint: 'Give the PEM file of an Ed25519 public key with --package-public-key.',
        cause: thrown,
      },
    );
  }
}

/** The command line as it was meant, without secrets: for the lock and the journal. */
function commandLine({ command, args, flags }: Call, specs: readonly FlagSpec[]): string {
  const given = specs.flatMap((spec) => {
    const value = flags[camelCase(spec.name)];
    if (value === undefined) return [];
    return [`--${spec.name}=${spec.secret ? '***' : Array.isArray(value) ? value.join(',') : value}`];
  });
  return ['edgeadm', command, ...args, ...given].join(' ');
}
