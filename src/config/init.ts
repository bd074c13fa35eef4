import {
  addEndpointToCertificate,
  defaultCriSocket,
  kubeadmDefaults,
  setControllerManagerDefaults,
  setCriSocketDefault,
  setKubeletDefaults,
  setKubeProxyDefaults,
  setPodSubnetDefault,
} from './defaults.ts';
import { ensureDocument, findDocument } from './documents.ts';
import { contribute, contributors } from './edge.ts';
import { numberAt, setField, textAt, textsAt } from './fields.ts';
import { initPhaseFlags } from './flags/init.ts';
import { chooseVersion, minorOf } from './kubernetes-version.ts';
import { Problems } from './problems.ts';
import { checkDocuments } from './schema/documents.ts';
import { type ResolveInput, readSource, union } from './source.ts';
import type { InitSettings, KubeDocument } from './types.ts';
import { checkFeatureGates } from './validate/cluster.ts';
import { validateInit } from './validate/init.ts';
import { nodeNameOf } from './validate/node.ts';

const kinds = ['InitConfiguration', 'ClusterConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration'];

/**
 * What `edgeadm init` works with: kubeadm's documents (the user's, with what edge needs merged into them) and the values
 * that edgeadm itself reads. Pure: the same input gives the same answer.
 * Errors: see readSource; E_CONFIG_INVALID with all faults as details.
 */
export function resolveInit(input: ResolveInput): InitSettings {
  const source = readSource(input, initPhaseFlags);
  const { edge, given, problems } = source;
  const documents = source.documents.filter(({ kind }) => kinds.includes(kind));
  const init = ensureDocument(documents, 'InitConfiguration');
  const cluster = ensureDocument(documents, 'ClusterConfiguration');

  setCriSocketDefault(init);
  setPodSubnetDefault(cluster, edge);
  setKubeletDefaults(documents, input.machine);
  setKubeProxyDefaults(documents, input.machine);
  if (source.kubernetesVersion) cluster.kubernetesVersion = source.kubernetesVersion;

  const nodeName = nodeNameOf(init, input.machine.hostname);
  const { machine } = input;
  validateInit({
    documents,
    edge,
    given,
    machine,
    nodeName,
    kubernetesVersion: source.kubernetesVersion,
    problems,
  });
  problems.throwIfAny();

  const address = textAt(init, 'localAPIEndpoint.advertiseAddress');
  const advertiseAddress = address === '0.0.0.0' || address === '::' ? undefined : address;
  addEndpointToCertificate(cluster);
  setControllerManagerDefaults(cluster);
  if (edge.enabled) {
    for (const contributor of contributors) contribute(documents, contributor(edge, documents) ?? {});
  }

  const ignorePreflightErrors = takeIgnoredChecks(init, given);
  return {
    edge,
    kubernetesVersion: source.kubernetesVersion,
    nodeName,
    advertiseAddress,
    bindPort: numberAt(init, 'localAPIEndpoint.bindPort') ?? kubeadmDefaults.bindPort,
    controlPlaneEndpoint: textAt(cluster, 'controlPlaneEndpoint'),
    criSocket: withScheme(textAt(init, 'nodeRegistration.criSocket') ?? defaultCriSocket),
    certificatesDir: textAt(cluster, 'certificatesDir') ?? kubeadmDefaults.certificatesDir,
    podSubnet: textAt(cluster, 'networking.podSubnet') ?? '',
    serviceSubnet: textAt(cluster, 'networking.serviceSubnet') ?? kubeadmDefaults.serviceSubnet,
    dnsDomain: textAt(cluster, 'networking.dnsDomain') ?? kubeadmDefaults.dnsDomain,
    imageRepository: textAt(cluster, 'imageRepository') ?? kubeadmDefaults.imageRepository,
    token: textAt(init, 'bootstrapTokens.0.token'),
    certificateKey: textAt(init, 'certificateKey'),
    patches: textAt(init, 'patches.directory'),
    skipPhases: takeSkippedPhases(init, given),
    ignorePreflightErrors,
    dryRun: takeDryRun(init, given),
    uploadCerts: given.get('upload-certs') === true,
    skipTokenPrint: given.get('skip-token-print') === true,
    skipCertificateKeyPrint: given.get('skip-certificate-key-print') === true,
    manifestsDir: given.get('manifests-dir') as string | undefined,
    documents,
  };
}

/**
 * The same settings for the version that an install package holds, once it was opened. Fields and feature gates are
 * checked again, since each minor has its own.
 * Errors: E_PACKAGE_MISMATCH when the user asked for another version; E_CONFIG_FIELD, E_CONFIG_INVALID.
 */
export function withPackageVersion(settings: InitSettings, packageVersion: string): InitSettings {
  const wished = textAt(findDocument(settings.documents, 'ClusterConfiguration'), 'kubernetesVersion');
  const kubernetesVersion = chooseVersion(wished, packageVersion)!;
  const problems = new Problems({ file: undefined, table: [], flags: {} });
  checkDocuments(settings.documents, minorOf(kubernetesVersion), problems);
  checkFeatureGates(
    findDocument(settings.documents, 'ClusterConfiguration'),
    minorOf(kubernetesVersion),
    problems,
  );
  problems.throwIfAny();
  const documents = settings.documents.map((document) =>
    document.kind === 'ClusterConfiguration' ? { ...document, kubernetesVersion } : document,
  );
  return { ...settings, kubernetesVersion, documents };
}

/** `/run/x.sock` → `unix:///run/x.sock`, as kubeadm takes it. */
export function withScheme(socket: string): string {
  return socket.startsWith('/') ? `unix://${socket}` : socket;
}

/** Checks to ignore, of flag and document together as kubeadm does; written back, so that each phase of kubeadm has them. */
export function takeIgnoredChecks(
  node: KubeDocument,
  given: ReadonlyMap<string, unknown>,
  path = 'nodeRegistration.ignorePreflightErrors',
): string[] {
  const fromFlag = (given.get('ignore-preflight-errors') ?? []) as string[];
  const checks = union(textsAt(node, path), fromFlag);
  if (fromFlag.length > 0) setField(node, path, checks);
  return checks;
}

/**
 * Phases to skip: the flag wins over the document. The field leaves the document, since it may name phases of edgeadm
 * that kubeadm does not know; the runner hands kubeadm's own over by flag.
 */
export function takeSkippedPhases(document: KubeDocument, given: ReadonlyMap<string, unknown>): string[] {
  const phases = (given.get('skip-phases') as string[] | undefined) ?? textsAt(document, 'skipPhases');
  delete document.skipPhases;
  return phases;
}

/** Dry run: the flag wins over the document, which then says the same. */
export function takeDryRun(document: KubeDocument, given: ReadonlyMap<string, unknown>): boolean {
  const dryRun = (given.get('dry-run') as boolean | undefined) ?? document.dryRun === true;
  if ('dryRun' in document) document.dryRun = dryRun;
  return dryRun;
}
