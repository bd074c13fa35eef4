import { findDocument } from '../documents.ts';
import { getField, textAt, textsAt } from '../fields.ts';
import { minorOf } from '../kubernetes-version.ts';
import type { Problems } from '../problems.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from '../types.ts';
import { validateCluster } from './cluster.ts';
import { validateNetworks } from './networks.ts';
import { checkIgnoredChecks, validateBootstrapTokens, validateNode } from './node.ts';
import { checkAdvertiseAddress, checkCertificateKey, checkPort } from './values.ts';

export interface InitToValidate {
  documents: readonly KubeDocument[];
  edge: EdgeConfiguration;
  given: ReadonlyMap<string, unknown>;
  machine: MachineFacts;
  nodeName: string;
  kubernetesVersion: string | undefined;
  problems: Problems;
}

/** Faults of what init was asked for. The documents have fields of the right types and their defaults. */
export function validateInit(input: InitToValidate): void {
  const { documents, edge, given, machine, nodeName, kubernetesVersion, problems } = input;
  const init = findDocument(documents, 'InitConfiguration')!;
  const cluster = findDocument(documents, 'ClusterConfiguration')!;
  const report = problems.of('InitConfiguration');

  validateNode(init, nodeName, problems);
  validateBootstrapTokens(init, problems);
  checkAdvertiseAddress(
    report,
    'localAPIEndpoint.advertiseAddress',
    textAt(init, 'localAPIEndpoint.advertiseAddress'),
  );
  checkPort(report, 'localAPIEndpoint.bindPort', getField(init, 'localAPIEndpoint.bindPort'));
  checkCertificateKey(report, 'certificateKey', textAt(init, 'certificateKey'));
  const ignored = [
    ...textsAt(init, 'nodeRegistration.ignorePreflightErrors'),
    ...((given.get('ignore-preflight-errors') ?? []) as string[]),
  ];
  checkIgnoredChecks(problems.of('flag'), '--ignore-preflight-errors', ignored);
  checkCombinations(cluster, edge, given, problems);

  const minor = kubernetesVersion === undefined ? undefined : minorOf(kubernetesVersion);
  const networks = validateCluster(cluster, minor, problems);
  const names = new Set(ignored.map((check) => check.toLowerCase()));
  validateNetworks({ networks, init, edge, machine, ignored: names, problems });
}

function checkCombinations(
  cluster: KubeDocument,
  edge: EdgeConfiguration,
  given: ReadonlyMap<string, unknown>,
  problems: Problems,
): void {
  const report = problems.of('flag');
  if (given.has('certificate-key') && given.get('upload-certs') !== true) {
    report('--certificate-key', 'is of no use without --upload-certs', {
      hint: 'Add --upload-certs, or leave --certificate-key out.',
    });
  }
  if (textAt(cluster, 'controlPlaneEndpoint') !== undefined) return;
  const hint = 'Add --control-plane-endpoint with the virtual IP, which no machine has yet.';
  if (given.has('default-ha') && edge.ha.provider !== '')
    report('--default-ha', 'needs a control-plane endpoint', { hint });
  if (given.has('interface')) report('--interface', 'needs a control-plane endpoint', { hint });
  else if (edge.ha.interface !== '')
    problems.of('EdgeConfiguration')('ha.interface', 'needs a control-plane endpoint', { hint });
}
