import { type Collection, type CollectionKey, isPods } from '../cache/collection.ts';
import type { ProxyContext } from '../proxy/context.ts';
import type { ApiObject } from '../wire/object.ts';

/** What the cache knows of the pods of this node and of all Services: what a node without the cloud goes by. */
export interface Workload {
  /** null: the kubelet has not read its pods through the proxy. */
  pods: CachedPod[] | null;
  /** null: nobody has read all Services, or EndpointSlices, through the proxy: kube-proxy of this node asks past it. */
  services: CachedService[] | null;
  slices: CachedSlice[] | null;
}

export interface CachedPod {
  namespace: string;
  name: string;
  uid: string;
  hostNetwork: boolean;
  /** `Always`, `OnFailure`, `Never` */
  restartPolicy: string;
  /** Probes of containers by name, as in the Pod. */
  readiness: {
    container: string;
    probe: ReadinessProbe;
    ports: { name?: string; containerPort: number }[];
  }[];
}

/** core/v1 Probe, as far as it is read. */
export interface ReadinessProbe {
  httpGet?: {
    path?: string;
    port: number | string;
    host?: string;
    scheme?: string;
    httpHeaders?: { name: string; value: string }[];
  };
  tcpSocket?: { port: number | string; host?: string };
  [other: string]: unknown;
}

export interface CachedService {
  namespace: string;
  name: string;
  /** Empty for a headless one. */
  clusterIPs: string[];
  ports: { name: string; port: number; protocol: string }[];
}

export interface CachedSlice {
  namespace: string;
  service: string;
  endpoints: { addresses: string[]; ready: boolean; nodeName: string; podUid: string; podName: string }[];
}

/** `GET /edge/workload`. */
export function workloadOf({ config, store }: Pick<ProxyContext, 'config' | 'store'>): Workload {
  store.flush();
  return (
    store.guard(() => {
      const bodies = (collection: Collection | undefined): ApiObject[] | null => {
        const rows = collection && store.collections.read(collection);
        return rows?.map(({ body }) => JSON.parse(body) as ApiObject) ?? null;
      };
      const collections = [...store.collections].filter(({ complete }) => complete);
      const pods = collections.find(({ key }) => isOwnPods(key, config.nodeName));
      // kube-proxy's rather than another one's: it makes the rules of the node.
      const whole = (resource: string) =>
        collections
          .filter(({ key }) => key.resource === resource && key.namespace === '')
          .sort((one, other) => Number(isProxys(other)) - Number(isProxys(one)))[0];
      return {
        pods: bodies(pods)?.map(toPod) ?? null,
        services: bodies(whole('services'))?.map(toService) ?? null,
        slices: bodies(whole('endpointslices'))?.map(toSlice) ?? null,
      };
    }) ?? { pods: null, services: null, slices: null }
  );
}

/** The pods of a node, as its kubelet reads them. */
export const isOwnPods = (key: CollectionKey, nodeName: string): boolean =>
  isPods(key) && key.identity === `node:${nodeName}` && key.fields === `spec.nodeName=${nodeName}`;

const isProxys = ({ key }: Collection): boolean => key.identity.includes(':kube-proxy');

function toPod({ metadata, spec: fields }: ApiObject): CachedPod {
  const spec = (fields ?? {}) as {
    hostNetwork?: boolean;
    restartPolicy?: string;
    containers?: {
      name: string;
      readinessProbe?: ReadinessProbe;
      ports?: { name?: string; containerPort: number }[];
    }[];
  };
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    hostNetwork: spec.hostNetwork === true,
    restartPolicy: spec.restartPolicy ?? 'Always',
    readiness: (spec.containers ?? []).flatMap(({ name, readinessProbe, ports = [] }) =>
      readinessProbe ? [{ container: name, probe: readinessProbe, ports }] : [],
    ),
  };
}

function toService({ metadata, spec: fields }: ApiObject): CachedService {
  const spec = (fields ?? {}) as {
    clusterIP?: string;
    clusterIPs?: string[];
    ports?: { name?: string; port: number; protocol?: string }[];
  };
  const addresses = spec.clusterIPs ?? [spec.clusterIP ?? ''];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    clusterIPs: addresses.filter((address) => address !== '' && address !== 'None'),
    ports: (spec.ports ?? []).map(({ name = '', port, protocol = 'TCP' }) => ({ name, port, protocol })),
  };
}

interface Endpoint {
  addresses?: string[];
  nodeName?: string | null;
  conditions?: { ready?: boolean | null };
  targetRef?: { uid?: string; name?: string };
}

/** discovery.k8s.io/v1: a `ready` that is not there means ready. */
function toSlice({ metadata, endpoints }: ApiObject): CachedSlice {
  return {
    namespace: metadata.namespace ?? '',
    service: metadata.labels?.['kubernetes.io/service-name'] ?? '',
    endpoints: ((endpoints ?? []) as Endpoint[]).map(
      ({ addresses = [], nodeName, conditions, targetRef }) => ({
        addresses,
        ready: conditions?.ready ?? true,
        nodeName: nodeName ?? '',
        podUid: targetRef?.uid ?? '',
        podName: targetRef?.name ?? '',
      }),
    ),
  };
}
