import { EdgeadmError } from '../errors.ts';
import { ensureDocument, findDocument, needsMigration, parseDocuments } from './documents.ts';
import { toEdgeConfiguration } from './edge-configuration.ts';
import { setField, textAt } from './fields.ts';
import type { FlagSpec, FlagValues } from './flags/spec.ts';
import { parseFlags, refuseMixedFlags } from './flags/values.ts';
import { chooseVersion, minorOf, versionFault } from './kubernetes-version.ts';
import { Problems } from './problems.ts';
import { checkDocuments } from './schema/documents.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from './types.ts';
import { validateEdge } from './validate/edge.ts';
import type { ConfigText } from './yaml.ts';

/** What a command line says, and about which machine. */
export interface ResolveInput {
  /** By camelCase name, only those that the user gave. Text is parsed; values of the right type are taken as they are. */
  flags: FlagValues;
  /** The file of --config; see read.ts. */
  config?: ConfigText;
  machine: MachineFacts;
  /** Kubernetes version of the install package, when it is known already. */
  packageVersion?: string;
  /** Names of the addons there are; when given, others are refused. */
  addonNames?: readonly string[];
}

/** Documents of file and flags, their fields checked, before defaults. */
export interface Source {
  /** Copies: free to change. EdgeConfiguration is not among them. */
  documents: KubeDocument[];
  edge: EdgeConfiguration;
  /** Values of the given flags by long name, parsed. */
  given: ReadonlyMap<string, unknown>;
  problems: Problems;
  /** Whether the file has documents of kubeadm, which flags must not be mixed with. */
  fromFile: boolean;
  /** The exact version to install, when it is known: of the package, or as asked for. */
  kubernetesVersion: string | undefined;
}

/**
 * Reads file and flags into documents. Errors: E_USAGE for a flag's form or flags mixed with --config, E_CONFIG_YAML,
 * E_CONFIG_FIELD and E_CONFIG_INVALID for the file, E_PACKAGE_MISMATCH for a version that the package does not hold.
 */
export function readSource(input: ResolveInput, table: readonly FlagSpec[]): Source {
  const documents = input.config ? parseDocuments(input.config) : [];
  const file = input.config?.path;
  const fromFile = documents.some(({ kind }) => kind !== 'EdgeConfiguration');
  if (needsMigration(documents)) throw migrationNeeded(documents, file);
  if (fromFile) refuseMixedFlags(table, input.flags);

  const given = parseFlags(table, input.flags);
  for (const [spec, value] of given) {
    if (spec.target)
      setField(ensureDocument(documents, spec.target.kind), spec.target.path, toFieldValue(spec, value));
  }

  const problems = new Problems({ file, table, flags: input.flags });
  const wish = textAt(findDocument(documents, 'ClusterConfiguration'), 'kubernetesVersion');
  const fault = wish === undefined ? undefined : versionFault(wish);
  if (fault)
    problems.of('ClusterConfiguration')('kubernetesVersion', `"${wish}" ${fault.reason}`, {
      hint: fault.hint,
    });
  const kubernetesVersion = fault ? undefined : chooseVersion(wish, input.packageVersion);
  checkDocuments(documents, kubernetesVersion && minorOf(kubernetesVersion), problems);
  // Whatever reads fields from here on relies on their types.
  problems.throwIfAny();

  const document = findDocument(documents, 'EdgeConfiguration');
  const edge = toEdgeConfiguration(document, input.machine);
  validateEdge(edge, { document, addonNames: input.addonNames, problems });
  return {
    documents: documents.filter(({ kind }) => kind !== 'EdgeConfiguration'),
    edge,
    given: new Map([...given].map(([spec, value]) => [spec.name, value])),
    problems,
    fromFile,
    kubernetesVersion,
  };
}

/** Union of lists without duplicates, the first spelling kept; kubeadm compares check names without case. */
export function union(...lists: readonly string[][]): string[] {
  const seen = new Map<string, string>();
  for (const item of lists.flat()) if (!seen.has(item.toLowerCase())) seen.set(item.toLowerCase(), item);
  return [...seen.values()];
}

function toFieldValue(spec: FlagSpec, value: unknown): unknown {
  if (spec.value !== 'map') return value;
  const pairs = value as [string, string][];
  if (spec.name !== 'feature-gates') return pairs.map(([name, text]) => ({ name, value: text }));
  return Object.fromEntries(
    pairs.map(([name, text]) => {
      if (/^(1|t|true)$/i.test(text)) return [name, true];
      if (/^(0|f|false)$/i.test(text)) return [name, false];
      throw new EdgeadmError('E_USAGE', `--feature-gates: "${name}=${text}" is neither true nor false`, {
        hint: `Write --feature-gates ${name}=true or ${name}=false.`,
      });
    }),
  );
}

function migrationNeeded(documents: readonly KubeDocument[], file: string | undefined): EdgeadmError {
  const old = documents.filter((document) => needsMigration([document]));
  return new EdgeadmError(
    'E_CONFIG_INVALID',
    `${file}: ${old.map(({ kind }) => kind).join(' and ')} is ${old[0]?.apiVersion}`,
    {
      hint: 'Run `edgeadm config migrate --old-config FILE --new-config FILE` and use the new file.',
    },
  );
}
