import { closest, distance } from 'fastest-levenshtein';
import { dump } from 'js-yaml';
import { EdgeadmError } from '../errors.ts';
import { isFields } from './fields.ts';
import type { KubeDocument } from './types.ts';
import { type ConfigText, parseYaml } from './yaml.ts';

export const kubeadmVersion = 'kubeadm.k8s.io/v1beta4';
export const kubeletVersion = 'kubelet.config.k8s.io/v1beta1';
const kubeProxyVersion = 'kubeproxy.config.k8s.io/v1alpha1';
export const edgeVersion = 'edgeadm.superedge.io/v1alpha1';

const versionOf: Readonly<Record<string, string>> = {
  InitConfiguration: kubeadmVersion,
  ClusterConfiguration: kubeadmVersion,
  JoinConfiguration: kubeadmVersion,
  ResetConfiguration: kubeadmVersion,
  UpgradeConfiguration: kubeadmVersion,
  KubeletConfiguration: kubeletVersion,
  KubeProxyConfiguration: kubeProxyVersion,
  EdgeConfiguration: edgeVersion,
};

/** Versions that kubeadm 1.34 to 1.36 reads only to write them anew (`kubeadm config migrate`). */
const migratable = ['kubeadm.k8s.io/v1beta3'];

/** Versions that were dropped, and the last kubeadm that migrates them (app/util/config/common.go). */
const dropped: Readonly<Record<string, string>> = {
  'kubeadm.k8s.io/v1alpha1': 'v1.11',
  'kubeadm.k8s.io/v1alpha2': 'v1.12',
  'kubeadm.k8s.io/v1alpha3': 'v1.14',
  'kubeadm.k8s.io/v1beta1': 'v1.15',
  'kubeadm.k8s.io/v1beta2': 'v1.22',
};

/**
 * Reads the documents of a configuration file and checks that each is a mapping of a known kind and version, and that no
 * kind is there twice. Fields are not looked at. Errors: E_CONFIG_YAML, E_CONFIG_INVALID.
 */
export function parseDocuments(config: ConfigText): KubeDocument[] {
  const { path } = config;
  const documents = parseYaml(config).map((document, index) => {
    const place = `${path}: document ${index + 1}`;
    if (isFields(document)) return identify(document, place);
    const shape = Array.isArray(document)
      ? 'a list'
      : `the ${typeof document} ${JSON.stringify(document).slice(0, 40)}`;
    throw new EdgeadmError('E_CONFIG_YAML', `${place} is ${shape}, not a mapping`, {
      hint: 'Each document starts with apiVersion and kind; documents are parted by a line `---`.',
    });
  });
  const seen = new Map<string, number>();
  for (const [index, { kind }] of documents.entries()) {
    const first = seen.get(kind);
    if (first !== undefined) {
      throw new EdgeadmError(
        'E_CONFIG_INVALID',
        `${path}: documents ${first + 1} and ${index + 1} both are ${kind}`,
        {
          hint: 'Merge the two into one.',
        },
      );
    }
    seen.set(kind, index);
  }
  // Shared parts (YAML aliases) become copies, so that a change in one place stays there.
  return structuredCloneWithoutSharing(documents);
}

/** YAML of documents in the given order; the same input gives the same text. kubeadm reads it as it was meant. */
export function renderDocuments(documents: readonly KubeDocument[]): string {
  return documents.map((document) => dump(document, { lineWidth: -1, noRefs: true })).join('---\n');
}

/** The document of a kind, or undefined. */
export function findDocument(documents: readonly KubeDocument[], kind: string): KubeDocument | undefined {
  return documents.find((document) => document.kind === kind);
}

/** The document of a kind; made, and put behind the others, when there is none. */
export function ensureDocument(documents: KubeDocument[], kind: string): KubeDocument {
  const found = findDocument(documents, kind);
  if (found) return found;
  const made: KubeDocument = { apiVersion: versionOf[kind]!, kind };
  documents.push(made);
  return made;
}

/** Whether kubeadm must bring documents to v1beta4 first; see migration.ts. */
export function needsMigration(documents: readonly KubeDocument[]): boolean {
  return documents.some((document) => migratable.includes(document.apiVersion));
}

function identify(document: Record<string, unknown>, place: string): KubeDocument {
  const { apiVersion, kind } = document;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !apiVersion || !kind) {
    const lacking = ['apiVersion', 'kind'].filter(
      (name) => typeof document[name] !== 'string' || !document[name],
    );
    throw new EdgeadmError('E_CONFIG_INVALID', `${place} has no ${lacking.join(' and no ')}`, {
      hint: `Each document starts with both, e.g. \`apiVersion: ${kubeadmVersion}\` and \`kind: ClusterConfiguration\`.`,
    });
  }
  const expected = Object.hasOwn(versionOf, kind) ? versionOf[kind] : undefined;
  if (expected === undefined) {
    const near = closest(kind, Object.keys(versionOf));
    throw new EdgeadmError('E_CONFIG_INVALID', `${place} is of the unknown kind "${kind}" (${apiVersion})`, {
      hint:
        distance(kind.toLowerCase(), near.toLowerCase()) <= 4
          ? `Did you mean ${near}?`
          : `Known kinds: ${Object.keys(versionOf).join(', ')}.`,
    });
  }
  const last = dropped[apiVersion];
  if (last !== undefined) {
    throw new EdgeadmError('E_CONFIG_INVALID', `${place} (${kind}) is of the old version "${apiVersion}"`, {
      hint: `Bring it up with \`kubeadm config migrate\` of kubeadm ${last} first, then with newer ones up to v1beta4.`,
    });
  }
  const old = migratable.includes(apiVersion) && expected === kubeadmVersion;
  if (apiVersion !== expected && !old) {
    throw new EdgeadmError(
      'E_CONFIG_INVALID',
      `${place} (${kind}) is of the unknown version "${apiVersion}"`,
      {
        hint: `Did you mean \`apiVersion: ${expected}\`?`,
      },
    );
  }
  return document as KubeDocument;
}

function structuredCloneWithoutSharing<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredCloneWithoutSharing) as T;
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, structuredCloneWithoutSharing(item)]),
  ) as T;
}
