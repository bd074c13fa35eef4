import type { Contribution } from './edge.ts';
import { getField, textAt } from './fields.ts';
import type { EdgeConfiguration, KubeDocument } from './types.ts';

/** Where the tunnel's parts meet, on control-plane nodes. */
export const tunnel = {
  /** EgressSelectorConfiguration of the API server. */
  egressFile: '/etc/kubernetes/egress-selector.yaml',
  /** Holds the socket by which the API server reaches the konnectivity server beside it. */
  socketFolder: '/run/konnectivity-server',
  /** What agents connect to, at the control-plane endpoint. */
  agentPort: 8132,
  /** Of the server, on the loopback address alone. */
  adminPort: 8133,
  healthPort: 8134,
  /** Of the agents, on the loopback address alone. */
  agentHealthPort: 8093,
  agentAdminPort: 8094,
} as const;

export const egressArgument = 'egress-selector-config-file';

/** Whether this configuration has the tunnel: it is on by default with edge enabled. */
export function hasTunnel(edge: EdgeConfiguration): boolean {
  return edge.enabled && edge.addons.tunnel?.enabled !== false;
}

/**
 * The API server's side of the tunnel: it reaches nodes, Services and Pods by the egress selector `cluster` (KEP-1281). It
 * looks at the socket only when it connects, so that it comes up without a server. Aggregated APIs and webhooks are
 * reached at a Pod's own address, for which the tunnel knows the way when that is a node's. As agents say themselves
 * which node they are on, kubelets are held to their serving certificates.
 */
export function tunnelContribution(
  edge: EdgeConfiguration,
  documents: readonly KubeDocument[],
): Contribution | undefined {
  if (!hasTunnel(edge)) return undefined;
  const cluster = documents.find(({ kind }) => kind === 'ClusterConfiguration');
  const certificates = (cluster && textAt(cluster, 'certificatesDir')) ?? '/etc/kubernetes/pki';
  const kubelet = documents.find(({ kind }) => kind === 'KubeletConfiguration');
  const verifiable = kubelet !== undefined && getField(kubelet, 'serverTLSBootstrap') === true;
  return {
    apiServer: {
      extraArgs: [
        { name: egressArgument, value: tunnel.egressFile },
        { name: 'enable-aggregator-routing', value: 'true' },
        ...(verifiable ? [{ name: 'kubelet-certificate-authority', value: `${certificates}/ca.crt` }] : []),
      ],
      extraVolumes: [
        {
          name: 'egress-selector',
          hostPath: tunnel.egressFile,
          mountPath: tunnel.egressFile,
          readOnly: true,
          pathType: 'File',
        },
        {
          name: 'konnectivity-server',
          hostPath: tunnel.socketFolder,
          mountPath: tunnel.socketFolder,
          pathType: 'DirectoryOrCreate',
        },
      ],
    },
  };
}
