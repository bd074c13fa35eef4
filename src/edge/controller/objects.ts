import { parseHostPort } from '../../config/hostport.ts';
import type { KubeDocument } from '../../config/types.ts';
import { loadManifests } from '../../kube/manifests.ts';
import { type ContainerEnv, pointToApiServer } from '../../kube/pod-api-server.ts';
import { controllerImageName, publishedRepository } from './image-name.ts';

export interface ControllerSettings {
  /** EdgeConfiguration.images.edgeRepository. */
  edgeRepository: string;
  /** The cluster's DNS domain: names of services in it are no node's. */
  dnsDomain: string;
  /** `host:port`; its host is no node's but the control plane's. */
  controlPlaneEndpoint?: string;
  /** `host:port` where it asks the API server; without it the Service `kubernetes`, which needs kube-proxy. */
  apiServer?: string;
  /** ClusterIP of the Service `kubernetes`: no node's. */
  serviceAddress?: string;
  /** What the proxies of edge nodes serve beside the node's own addresses; see AddressPolicy. */
  edgeNodes?: { ips: readonly string[]; names: readonly string[] };
  manifestsDir?: string;
  /** Whether it approves kubelets' serving certificates. Default true. */
  kubeletServing?: boolean;
  /** Settings of the addon edge-health as the user wrote them; without them it is off. */
  edgeHealth?: Readonly<Record<string, unknown>>;
}

/**
 * The controller's objects with the cluster's settings in them, in the order to apply: the rights of the duties that are
 * on come before the Deployment. Errors: loadManifests'.
 */
export async function controllerObjects(settings: ControllerSettings): Promise<KubeDocument[]> {
  const { manifestsDir, kubeletServing = true, edgeHealth } = settings;
  const options = { ...(manifestsDir && { manifestsDir }) };
  const objects = await loadManifests('addons/edgeadm-controller/edgeadm-controller', options);
  for (const object of objects) if (object.kind === 'Deployment') patchDeployment(object, settings);
  return [
    ...(edgeHealth ? await loadManifests('addons/edge-health/edge-health', options) : []),
    // The rights over certificate requests stand in the cluster-wide role.
    ...objects.filter(({ kind }) => kubeletServing || !/^ClusterRole(Binding)?$/.test(kind)),
  ];
}

interface Container extends ContainerEnv {
  name: string;
  image: string;
  args?: string[];
}

function patchDeployment(object: KubeDocument, settings: ControllerSettings): void {
  const { containers } = (object.spec as { template: { spec: { containers: Container[] } } }).template.spec;
  const controller = containers.find(({ name }) => name === 'controller');
  if (!controller) return;
  const published = new RegExp(`^${publishedRepository.replaceAll('.', '\\.')}/edgeadm:`);
  // A user's manifest with another image has its reasons.
  if (published.test(controller.image)) controller.image = controllerImageName(settings.edgeRepository);
  const { kubeletServing = true, edgeHealth, edgeNodes, apiServer } = settings;
  if (apiServer !== undefined) pointToApiServer(controller, apiServer);
  for (const [flag, value] of [
    ['--reserved-sans', reservedNames(settings).join(',')],
    ['--extra-san-ips', edgeNodes?.ips.join(',')],
    ['--extra-san-names', edgeNodes?.names.join(',')],
    ['--kubelet-serving-approver', kubeletServing ? '' : 'false'],
    ['--edge-health', edgeHealth && JSON.stringify(edgeHealth)],
  ] as const) {
    // So has an argument that is there already.
    if (!value || controller.args?.some((arg) => arg.startsWith(flag))) continue;
    controller.args = [...(controller.args ?? []), `${flag}=${value}`];
  }
}

function reservedNames({ dnsDomain, controlPlaneEndpoint, serviceAddress }: ControllerSettings): string[] {
  const read = controlPlaneEndpoint === undefined ? undefined : parseHostPort(controlPlaneEndpoint);
  return [
    ...(read && 'endpoint' in read ? [read.endpoint.host] : []),
    ...(serviceAddress === undefined ? [] : [serviceAddress]),
    ...(dnsDomain && dnsDomain !== 'cluster.local' ? [`.svc.${dnsDomain}`] : []),
  ];
}
