import { parseHostPort } from '../../config/hostport.ts';
import type { KubeDocument } from '../../config/types.ts';
import { loadManifests } from '../../kube/manifests.ts';
import { controllerImageName, publishedRepository } from './image-name.ts';

export interface ControllerSettings {
  /** EdgeConfiguration.images.edgeRepository. */
  edgeRepository: string;
  /** The cluster's DNS domain: names of services in it are no node's. */
  dnsDomain: string;
  /** `host:port`; its host is no node's but the control plane's. */
  controlPlaneEndpoint?: string;
  /** What the proxies of edge nodes serve beside the node's own addresses; see AddressPolicy. */
  edgeNodes?: { ips: readonly string[]; names: readonly string[] };
  manifestsDir?: string;
}

/** The controller's objects with the cluster's settings in them, in the order to apply. Errors: loadManifests'. */
export async function controllerObjects(settings: ControllerSettings): Promise<KubeDocument[]> {
  const objects = await loadManifests('addons/edgeadm-controller/edgeadm-controller', {
    ...(settings.manifestsDir && { manifestsDir: settings.manifestsDir }),
  });
  for (const object of objects) if (object.kind === 'Deployment') patchDeployment(object, settings);
  return objects;
}

interface Container {
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
  const { ips = [], names = [] } = settings.edgeNodes ?? {};
  for (const [flag, values] of [
    ['--reserved-sans', reservedNames(settings)],
    ['--extra-san-ips', ips],
    ['--extra-san-names', names],
  ] as const) {
    // So has an argument that is there already.
    if (values.length === 0 || controller.args?.some((arg) => arg.startsWith(flag))) continue;
    controller.args = [...(controller.args ?? []), `${flag}=${values.join(',')}`];
  }
}

function reservedNames({ dnsDomain, controlPlaneEndpoint }: ControllerSettings): string[] {
  const read = controlPlaneEndpoint === undefined ? undefined : parseHostPort(controlPlaneEndpoint);
  return [
    ...(read && 'endpoint' in read ? [read.endpoint.host] : []),
    ...(dnsDomain && dnsDomain !== 'cluster.local' ? [`.svc.${dnsDomain}`] : []),
  ];
}
