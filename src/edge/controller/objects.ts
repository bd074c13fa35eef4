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
  const reserved = reservedNames(settings);
  if (reserved.length > 0 && !controller.args?.some((arg) => arg.startsWith('--reserved-sans'))) {
    controller.args = [...(controller.args ?? []), `--reserved-sans=${reserved.join(',')}`];
  }
}

function reservedNames({ dnsDomain, controlPlaneEndpoint }: ControllerSettings): string[] {
  const read = controlPlaneEndpoint === undefined ? undefined : parseHostPort(controlPlaneEndpoint);
  return [
    ...(read && 'endpoint' in read ? [read.endpoint.host] : []),
    ...(dnsDomain && dnsDomain !== 'cluster.local' ? [`.svc.${dnsDomain}`] : []),
  ];
}
