import { inEdgeRepository } from '../../src/edge/controller/image-name.ts';
import type { NodeContext } from '../context.ts';

/**
 * The name on the host of an image of the package: kubeadm's images follow --image-repository (CoreDNS keeps its sub-path
 * only in the default one), edgeadm's own follow --edge-image-repository.
 */
export function localImageName(
  ctx: Pick<NodeContext, 'edge' | 'imageRepository'>,
  published: string,
): string {
  const name = inEdgeRepository(published, ctx.edge.images.edgeRepository);
  const repository = ctx.imageRepository;
  if (!repository || repository === 'registry.k8s.io' || !name.startsWith('registry.k8s.io/')) return name;
  return `${repository}/${name.slice('registry.k8s.io/'.length).replace(/^coredns\/coredns/, 'coredns')}`;
}
