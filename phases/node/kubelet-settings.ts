import type { ClusterEdge } from '../../src/config/cluster-edge.ts';
import { type Fields, getField, isSet, setField } from '../../src/config/fields.ts';
import type { KubeDocument } from '../../src/config/types.ts';

/** What a contributor can base its settings on. */
export interface EdgeKubelet {
  /** The cluster-wide settings. */
  cluster: ClusterEdge;
  /** Whether an addon is on for this node. */
  hasAddon(name: string): boolean;
}

/** Fields of KubeletConfiguration by path (`evictionHard`, `clusterDNS`). */
export interface KubeletSettings {
  /** Taken only where the cluster's kubelet configuration says nothing. */
  defaults?: Readonly<Record<string, unknown>>;
  /** Taken whatever the cluster's kubelet configuration says: only for what an edge node cannot do without. */
  set?: Readonly<Record<string, unknown>>;
}

/** Where addons state what kubelets of edge nodes need. Undefined: nothing on this node. */
const kubeletContributors: ((edge: EdgeKubelet) => KubeletSettings | undefined)[] = [
  keepWhatIsThere,
  askOwnDns,
];

/**
 * Offline nobody replaces a pod that was evicted, and no image comes back that was deleted: both happen later than on other
 * nodes. All five signals stand there, as one that is left out is off
 * (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction).
 */
function keepWhatIsThere(): KubeletSettings {
  return {
    defaults: {
      evictionHard: {
        'memory.available': '50Mi',
        'nodefs.available': '3%',
        'nodefs.inodesFree': '2%',
        'imagefs.available': '3%',
        'imagefs.inodesFree': '2%',
      },
      imageGCHighThresholdPercent: 95,
      imageGCLowThresholdPercent: 90,
    },
  };
}

/** Pods ask the node's own CoreDNS (addon `edge-dns`); it reads through the node's own API proxy. */
function askOwnDns({ cluster, hasAddon }: EdgeKubelet): KubeletSettings | undefined {
  if (!hasAddon('lite-apiserver') || !hasAddon('edge-dns')) return undefined;
  return { set: { clusterDNS: [cluster.virtualAddress] } };
}

/** Defaults that make sense only together: one that the user chose keeps the others away. */
const pairs = [['imageGCHighThresholdPercent', 'imageGCLowThresholdPercent']] as const;

/**
 * The kubelet's drop-in document, over what kubeadm wrote from the cluster's kubelet configuration
 * (https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/#kubelet-conf-d).
 */
export function kubeletDropInDocument(cluster: KubeDocument | undefined, edge: EdgeKubelet): KubeDocument {
  const document: KubeDocument = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
  };
  const isFree = (path: string): boolean => {
    const together = pairs.find((pair) => (pair as readonly string[]).includes(path)) ?? [path];
    return together.every((each) => !isSet(getField(cluster, each)));
  };
  for (const contribute of kubeletContributors) {
    const { defaults = {}, set = {} } = contribute(edge) ?? {};
    for (const [path, value] of Object.entries(defaults)) {
      if (isFree(path)) setField(document as Fields, path, value);
    }
    for (const [path, value] of Object.entries(set)) setField(document as Fields, path, value);
  }
  return document;
}
