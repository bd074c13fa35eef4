import { addressFamily } from '../config/cidr.ts';
import { localApiPort } from '../config/edge-node.ts';
import type { KubeDocument } from '../config/types.ts';
import { EdgeadmError } from '../errors.ts';
import { leaveOutEdgeNodes } from './edge-placement.ts';
import { loadManifests } from './manifests.ts';
import { type ContainerEnv, pointToApiServer } from './pod-api-server.ts';

export interface FlannelSettings {
  /** One CIDR or an IPv4,IPv6 pair, as kube-controller-manager has it. */
  podSubnet: string;
  backend: 'vxlan' | 'host-gw';
  /** VXLAN network identifier; flannel's default 1. */
  vni?: number;
  /** UDP port of the VXLAN; the kernel's default 8472. */
  port?: number;
  /** Default: the MTU of the link less the VXLAN's overhead. */
  mtu?: number;
  /** Link or address for traffic between nodes; default the link of the default route. */
  interface?: string;
  /** Replaces the image of the manifest, to go with the install package. */
  image?: string;
  /**
   * `host:port` of the API server, as nodes reach it. Without it flannel takes the Service `kubernetes`, which answers
   * only where kube-proxy runs already.
   */
  apiServer?: string;
  /**
   * Address of the API proxy that every edge node has. With it edge nodes get a DaemonSet of their own
   * (manifests/cni/flannel-edge.yaml); without it they are like all others.
   */
  localApiAddress?: string;
  manifestsDir?: string;
}

/** The DaemonSet of edge nodes in manifests/cni/flannel-edge.yaml. */
export const edgeFlannel = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  namespace: 'kube-flannel',
  name: 'kube-flannel-edge',
} as const;

interface Container extends ContainerEnv {
  image: string;
  args?: string[];
}

/** flannel's objects with the cluster's settings in them, in the order to apply. Errors: E_CONFIG_INVALID and loadManifests'. */
export async function flannelObjects(settings: FlannelSettings): Promise<KubeDocument[]> {
  const { localApiAddress, apiServer: _, ...common } = settings;
  const options = settings.manifestsDir ? { manifestsDir: settings.manifestsDir } : {};
  const objects = await loadManifests('cni/flannel', options);
  for (const object of objects) {
    if (object.kind === 'ConfigMap') patchConfig(object, settings);
    if (object.kind === 'DaemonSet') patchDaemonSet(object, settings);
  }
  if (localApiAddress === undefined) return objects;
  const values = { localApiAddress, localApiPort: String(localApiPort) };
  const edge = await loadManifests('cni/flannel-edge', { ...options, values });
  for (const object of objects) if (object.kind === 'DaemonSet') leaveOutEdgeNodes(object);
  for (const object of edge) if (object.kind === 'DaemonSet') patchDaemonSet(object, common);
  return [...objects, ...edge];
}

/** flannel's network configuration (flannel-io/flannel, Documentation/configuration.md and backends.md). */
export function flannelNetwork(settings: FlannelSettings): Record<string, unknown> {
  const networks: Record<string, unknown> = { EnableIPv4: false };
  for (const cidr of settings.podSubnet.split(',').map((part) => part.trim())) {
    const family = addressFamily(cidr.replace(/\/\d+$/, ''));
    if (!family || !cidr.includes('/')) {
      throw new EdgeadmError(
        'E_CONFIG_INVALID',
        `flannel needs the pod network as a CIDR, not "${settings.podSubnet}"`,
        {
          hint: 'Set --pod-network-cidr (or networking.podSubnet), for example 10.244.0.0/16.',
        },
      );
    }
    if (family === 4) Object.assign(networks, { EnableIPv4: true, Network: cidr });
    else Object.assign(networks, { EnableIPv6: true, IPv6Network: cidr });
  }
  const { backend, vni, port, mtu } = settings;
  const vxlan = { ...(vni !== undefined && { VNI: vni }), ...(port !== undefined && { Port: port }) };
  const Backend = {
    Type: backend,
    ...(backend === 'vxlan' && vxlan),
    ...(mtu !== undefined && { MTU: mtu }),
  };
  return { ...networks, Backend };
}

/** Keys that a user's own file sets beside ours (SubnetLen, EnableNFTables, …) stay. */
function patchConfig(object: KubeDocument, settings: FlannelSettings): void {
  const data = object.data as Record<string, string> | undefined;
  if (data?.['net-conf.json'] === undefined) return;
  const {
    Network: _,
    IPv6Network: __,
    EnableIPv6: ___,
    Backend,
    ...kept
  } = JSON.parse(data['net-conf.json']);
  const ours = flannelNetwork(settings);
  const sameBackend = Backend?.Type === settings.backend;
  const backend = { ...(sameBackend && Backend), ...(ours.Backend as object) };
  data['net-conf.json'] = `${JSON.stringify({ ...kept, ...ours, Backend: backend }, null, 2)}\n`;
}

function patchDaemonSet(object: KubeDocument, settings: FlannelSettings): void {
  const { spec } = (
    object.spec as { template: { spec: { containers: Container[]; initContainers?: Container[] } } }
  ).template;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (settings.image) container.image = settings.image;
  }
  const flannel = spec.containers[0];
  if (flannel && settings.apiServer) pointToApiServer(flannel, settings.apiServer);
  if (flannel && settings.interface) {
    flannel.args = [
      ...(flannel.args ?? []).filter((arg) => !arg.startsWith('--iface')),
      `--iface=${settings.interface}`,
    ];
  }
}
