import { kubeadmDefaults } from './defaults.ts';
import { ensureDocument } from './documents.ts';
import { textAt } from './fields.ts';
import { resetFlags } from './flags/reset.ts';
import { takeDryRun, takeIgnoredChecks, takeSkippedPhases, withScheme } from './init.ts';
import { type ResolveInput, readSource } from './source.ts';
import type { ResetSettings } from './types.ts';
import { validateReset } from './validate/reset.ts';

/** What `edgeadm reset` works with; see resolveInit. */
export function resolveReset(input: ResolveInput): ResetSettings {
  const source = readSource(input, resetFlags);
  const { given, problems } = source;
  const reset = ensureDocument(source.documents, 'ResetConfiguration');
  validateReset(reset, given, problems);
  problems.throwIfAny();

  const socket = textAt(reset, 'criSocket');
  const ignorePreflightErrors = takeIgnoredChecks(reset, given, 'ignorePreflightErrors');
  return {
    certificatesDir: textAt(reset, 'certificatesDir') ?? kubeadmDefaults.certificatesDir,
    cleanupTmpDir: reset.cleanupTmpDir === true,
    criSocket: socket === undefined ? undefined : withScheme(socket),
    force: reset.force === true,
    kubeconfig: (given.get('kubeconfig') as string | undefined) ?? '/etc/kubernetes/admin.conf',
    skipPhases: takeSkippedPhases(reset, given),
    ignorePreflightErrors,
    dryRun: takeDryRun(reset, given),
    documents: [reset],
  };
}
