import type { NodeRole } from '../context.ts';

/** Images that only a control-plane node runs. */
const controlPlaneOnly =
  /\/(kube-apiserver|kube-controller-manager|kube-scheduler|etcd|kube-vip|edgeadm)[:@]/;

/** The images of a package that a node of this role may run. */
export function imagesOfRole<T extends { name: string }>(role: NodeRole, images: readonly T[]): T[] {
  return images.filter(({ name }) => role === 'control-plane' || !controlPlaneOnly.test(name));
}
