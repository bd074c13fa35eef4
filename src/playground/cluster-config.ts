import { mergeArguments, toArguments } from '../config/arguments.ts';
import { addNodeLabels } from '../config/defaults.ts';
import { ensureDocument, findDocument, needsMigration } from '../config/documents.ts';
import { edgeHealthDefaults } from '../config/edge-health.ts';
import { getField, numberAt, setDefault, setField, textAt, textsAt } from '../config/fields.ts';
import type { KubeDocument } from '../config/types.ts';
import { checkCidr, virtualAddress } from './subnet.ts';

/** What a node needs of a cluster to join it: `data.join` of the result event of `edgeadm init`. */
export interface JoinFacts {
  /** `host:port` */
  endpoint: string;
  token: string;
  /** `sha256:…` */
  caCertHash: string;
  /** Present when the control plane's certificates were uploaded. */
  certificateKey?: string;
}

/** What a cluster is made with that lets nodes join; known before there is a cluster. */
export interface JoinSecrets {
  /** `[a-z0-9]{6}.[a-z0-9]{16}` */
  token: string;
  /** 64 hex digits. */
  certificateKey: string;
}

/** kubeadm's own defaults, which the nodes' network must keep clear of. */
const defaultNetworks = ['10.244.0.0/16', '10.96.0.0/12'];

/** Nodes share one disk with everything else on the machine: the kubelet must not delete images or evict pods over it. */
const kubeletDefaults = {
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'nodefs.inodesFree': '1%',
    'imagefs.available': '1%',
    'imagefs.inodesFree': '1%',
  },
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
};

/** The machine's limit of connections cannot be set from a node. */
const proxyDefaults = { conntrack: { maxPerCore: 0, min: 0 } };

/**
 * What makes a cluster start quicker whose data nobody will miss when the machine itself loses power (a node that does
 * loses nothing): etcd does not wait for the disk, as in a cluster of kind; keys are ECDSA, which take a tenth of RSA's
 * time to make and to sign with; the API server collects garbage less often. Nothing of a control plane that keeps its
 * etcd elsewhere, or that the user wrote, changes.
 */
function setThrowAwayDefaults(cluster: KubeDocument): void {
  setDefault(cluster, 'encryptionAlgorithm', 'ECDSA-P256');
  setDefault(cluster, 'apiServer.extraEnvs', [{ name: 'GOGC', value: '300' }]);
  if (getField(cluster, 'etcd.external') !== undefined) return;
  const user = toArguments(getField(cluster, 'etcd.local.extraArgs'));
  const ours = [{ name: 'unsafe-no-fsync', value: 'true' }];
  setField(cluster, 'etcd.local.extraArgs', mergeArguments(user, ours));
}

/** Pod and service networks of the user's configuration, or kubeadm's. Errors: E_CONFIG_INVALID. */
export function clusterNetworks(documents: readonly KubeDocument[]): string[] {
  const cluster = findDocument(documents, 'ClusterConfiguration');
  const own = ['networking.podSubnet', 'networking.serviceSubnet'].flatMap((field) => {
    const value = textAt(cluster, field);
    return value === undefined ? [] : value.split(',').map((cidr) => checkCidr(cidr, field));
  });
  return [...own, ...defaultNetworks];
}

/**
 * Documents for `edgeadm init` on the first control plane: the user's own, with what only a test node needs added
 * where they say nothing, with the virtual IP as endpoint when there are several control planes, and with `secrets`
 * where the user chose none (without them kubeadm makes its own).
 */
export function initConfig(
  documents: readonly KubeDocument[],
  { subnet, controlPlanes, address }: { subnet: string; controlPlanes: number; address: string },
  secrets?: JoinSecrets,
): KubeDocument[] {
  const result = structuredClone(documents.filter(({ kind }) => kind !== 'JoinConfiguration'));
  Object.assign(ensureDocument(result, 'KubeletConfiguration'), {
    ...kubeletDefaults,
    ...findDocument(result, 'KubeletConfiguration'),
  });
  Object.assign(ensureDocument(result, 'KubeProxyConfiguration'), {
    ...proxyDefaults,
    ...findDocument(result, 'KubeProxyConfiguration'),
  });
  // The lists of an older version of kubeadm's API are maps.
  if (!needsMigration(result)) setThrowAwayDefaults(ensureDocument(result, 'ClusterConfiguration'));
  const init = ensureDocument(result, 'InitConfiguration');
  setDefault(init, 'localAPIEndpoint.advertiseAddress', address);
  if (secrets) setDefault(init, 'bootstrapTokens.0.token', secrets.token);
  if (controlPlanes > 1) {
    if (secrets) setDefault(init, 'certificateKey', secrets.certificateKey);
    setDefault(
      ensureDocument(result, 'ClusterConfiguration'),
      'controlPlaneEndpoint',
      `${virtualAddress(subnet)}:6443`,
    );
  }
  return result;
}

interface JoinNode {
  controlPlane: boolean;
  address: string;
  site?: string;
  /** Besides those of the user's. */
  skipPhases?: readonly string[];
}

/**
 * Documents for `edgeadm join`; `site` is that of an edge node. Token and certificate key stand here, since arguments are
 * seen by every process. Without facts they suffice to prepare a node for a cluster that is not there yet.
 */
export function joinConfig(
  documents: readonly KubeDocument[],
  facts: JoinFacts | undefined,
  { controlPlane, address, site, skipPhases = [] }: JoinNode,
): KubeDocument[] {
  const kept = ['JoinConfiguration', 'EdgeConfiguration'];
  const result = structuredClone(documents.filter(({ kind }) => kept.includes(kind)));
  const join = ensureDocument(result, 'JoinConfiguration');
  if (facts) {
    setField(join, 'discovery.bootstrapToken', {
      apiServerEndpoint: facts.endpoint,
      token: facts.token,
      caCertHashes: [facts.caCertHash],
    });
  }
  if (skipPhases.length > 0) setField(join, 'skipPhases', [...textsAt(join, 'skipPhases'), ...skipPhases]);
  if (site !== undefined) addNodeLabels(join, { [edgeHealthDefaults.siteLabel]: site });
  if (controlPlane) {
    setDefault(join, 'controlPlane.localAPIEndpoint.advertiseAddress', address);
    if (facts?.certificateKey) setDefault(join, 'controlPlane.certificateKey', facts.certificateKey);
  }
  return result;
}

/**
 * How nodes join a cluster that was made with `documents`, once its CA is known: the same that init tells when it ends,
 * which is after the network and the addons are up.
 */
export function joinFactsOf(
  documents: readonly KubeDocument[],
  caCertHash: string,
  { address, controlPlanes }: { address: string; controlPlanes: number },
): JoinFacts | undefined {
  const init = findDocument(documents, 'InitConfiguration');
  const token = textAt(init, 'bootstrapTokens.0.token');
  const port = numberAt(init, 'localAPIEndpoint.bindPort') ?? 6443;
  const shared = textAt(findDocument(documents, 'ClusterConfiguration'), 'controlPlaneEndpoint');
  const certificateKey = textAt(init, 'certificateKey');
  // An endpoint without a port, a token without the right to sign: init knows what becomes of them.
  if (!token || (shared && !/:\d+$/.test(shared)) || getField(init, 'bootstrapTokens.0.usages'))
    return undefined;
  return {
    endpoint: shared ?? `${address}:${port}`,
    token,
    caCertHash,
    ...(controlPlanes > 1 && certificateKey && { certificateKey }),
  };
}
