import { ensureDocument, findDocument } from '../config/documents.ts';
import { setDefault, setField, textAt } from '../config/fields.ts';
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
 * where they say nothing, and with the virtual IP as endpoint when there are several control planes.
 */
export function initConfig(
  documents: readonly KubeDocument[],
  { subnet, controlPlanes, address }: { subnet: string; controlPlanes: number; address: string },
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
  setDefault(ensureDocument(result, 'InitConfiguration'), 'localAPIEndpoint.advertiseAddress', address);
  if (controlPlanes > 1) {
    setDefault(
      ensureDocument(result, 'ClusterConfiguration'),
      'controlPlaneEndpoint',
      `${virtualAddress(subnet)}:6443`,
    );
  }
  return result;
}

/** Documents for `edgeadm join`. Token and certificate key stand here, since arguments are seen by every process. */
export function joinConfig(
  documents: readonly KubeDocument[],
  facts: JoinFacts,
  { controlPlane, address }: { controlPlane: boolean; address: string },
): KubeDocument[] {
  const kept = ['JoinConfiguration', 'EdgeConfiguration'];
  const result = structuredClone(documents.filter(({ kind }) => kept.includes(kind)));
  const join = ensureDocument(result, 'JoinConfiguration');
  setField(join, 'discovery.bootstrapToken', {
    apiServerEndpoint: facts.endpoint,
    token: facts.token,
    caCertHashes: [facts.caCertHash],
  });
  if (controlPlane) {
    setDefault(join, 'controlPlane.localAPIEndpoint.advertiseAddress', address);
    if (facts.certificateKey) setDefault(join, 'controlPlane.certificateKey', facts.certificateKey);
  }
  return result;
}
