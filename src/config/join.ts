import { EdgeadmError } from '../errors.ts';
import {
  addNodeLabels,
  defaultCriSocket,
  kubeadmDefaults,
  setCriSocketDefault,
  setJoinKubeletArguments,
} from './defaults.ts';
import { ensureDocument, findDocument } from './documents.ts';
import { edgeNodeLabels } from './edge-node.ts';
import { getField, isFields, numberAt, setDefault, setField, textAt, textsAt } from './fields.ts';
import { joinFlags } from './flags/join.ts';
import { takeDryRun, takeIgnoredChecks, takeSkippedPhases, withScheme } from './init.ts';
import { type ResolveInput, readSource, type Source } from './source.ts';
import type { JoinSettings, KubeDocument } from './types.ts';
import { validateJoin } from './validate/join.ts';
import { nodeNameOf } from './validate/node.ts';

export interface ResolveJoinInput extends ResolveInput {
  /** `host:port`, the argument of join. */
  endpoint?: string;
  /** For a phase that runs alone and does not talk to the cluster: what says where the cluster is may lack. */
  discoveryOptional?: boolean;
}

/**
 * What `edgeadm join` works with; see resolveInit. A token stays in documents and settings only.
 * Errors: see readSource; E_CONFIG_INVALID with all faults as details.
 */
export function resolveJoin(input: ResolveJoinInput): JoinSettings {
  const source = readSource(input, joinFlags);
  const { documents, edge, given, problems } = source;
  if (source.fromFile && !findDocument(documents, 'JoinConfiguration')) {
    throw new EdgeadmError('E_CONFIG_INVALID', `${input.config?.path}: there is no JoinConfiguration`, {
      hint: 'Add a JoinConfiguration document, or join by flags; an EdgeConfiguration alone may stand beside flags.',
    });
  }
  const join = ensureDocument(documents, 'JoinConfiguration');
  addDiscovery(join, source, input.endpoint);
  setCriSocketDefault(join);
  setJoinKubeletArguments(join, input.machine);

  const nodeName = nodeNameOf(join, input.machine.hostname);
  const { endpoint, discoveryOptional = false } = input;
  validateJoin({ join, given, nodeName, endpoint, discoveryOptional, problems });
  problems.throwIfAny();
  // From its first moment, so that DaemonSets chosen by label never flip.
  if (edge.enabled && !isFields(join.controlPlane)) addNodeLabels(join, edgeNodeLabels(nodeName));

  const address = textAt(join, 'controlPlane.localAPIEndpoint.advertiseAddress');
  const token = textAt(join, 'discovery.bootstrapToken.token');
  const ignorePreflightErrors = takeIgnoredChecks(join, given);
  return {
    edge,
    nodeName,
    controlPlane: isFields(join.controlPlane),
    endpoint: textAt(join, 'discovery.bootstrapToken.apiServerEndpoint'),
    discoveryFile: textAt(join, 'discovery.file.kubeConfigPath'),
    token,
    caCertHashes: textsAt(join, 'discovery.bootstrapToken.caCertHashes'),
    unsafeSkipCaVerification: getField(join, 'discovery.bootstrapToken.unsafeSkipCAVerification') === true,
    tlsBootstrapToken: textAt(join, 'discovery.tlsBootstrapToken') ?? token,
    certificateKey: textAt(join, 'controlPlane.certificateKey'),
    advertiseAddress: address === '0.0.0.0' || address === '::' ? undefined : address,
    bindPort: numberAt(join, 'controlPlane.localAPIEndpoint.bindPort') ?? kubeadmDefaults.bindPort,
    criSocket: withScheme(textAt(join, 'nodeRegistration.criSocket') ?? defaultCriSocket),
    patches: textAt(join, 'patches.directory'),
    documents,
    skipPhases: takeSkippedPhases(join, given),
    ignorePreflightErrors,
    dryRun: takeDryRun(join, given),
    manifestsDir: given.get('manifests-dir') as string | undefined,
  };
}

/** --token, --control-plane and the endpoint argument, which are no plain fields (cmd/kubeadm/app/cmd/join.go). */
function addDiscovery(
  join: KubeDocument,
  { given, fromFile, problems }: Source,
  endpoint: string | undefined,
): void {
  const fill = (path: string, value: unknown, typedAt: string): void => {
    if (setDefault(join, path, value)) problems.typedAt(typedAt, 'JoinConfiguration', path);
  };
  const token = given.get('token');
  const byFile = isFields(getField(join, 'discovery.file'));
  if (token !== undefined) {
    fill('discovery.tlsBootstrapToken', token, '--token');
    if (!byFile) fill('discovery.bootstrapToken.token', token, '--token');
  }
  if (endpoint !== undefined && !(fromFile && byFile)) {
    fill('discovery.bootstrapToken.apiServerEndpoint', endpoint, 'endpoint');
  }
  if (given.get('control-plane') === true && !isFields(join.controlPlane)) setField(join, 'controlPlane', {});
}
