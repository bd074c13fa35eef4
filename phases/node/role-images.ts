import type { NodeRole } from '../context.ts';

/** Images that only a control-plane node runs. */
const controlPlaneOnly =
  /\/(kube-apiserver|kube-controller-manager|kube-scheduler|etcd|kube-vip|edgeadm|proxy-server)[:@]/;

/** konnectivity's agent runs on both ends of the tunnel, and on no other worker. */
const tunnel = /\/proxy-agent[:@]/;

/** The images of a package that a node of this role may run. */
export function imagesOfRole<T extends { name: string }>(role: NodeRole, images: readonly T[]): T[] {
  if (role === 'control-plane') return [...images];
  return images.filter(({ name }) => !controlPlaneOnly.test(name) && (role === 'edge' || !tunnel.test(name)));
}
