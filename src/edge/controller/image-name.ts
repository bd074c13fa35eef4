import program from '../../../package.json' with { type: 'json' };

/** Where edgeadm's own images are published; EdgeConfiguration.images.edgeRepository replaces it. */
export const publishedRepository = 'ghcr.io/superedge';

/** The default of EdgeConfiguration.images.edgeRepository stands for the published images. */
const defaultRepository = 'edgeadm';

/** Full name of this version's image: `ghcr.io/superedge/edgeadm:v0.1.0`. */
export function controllerImageName(edgeRepository = defaultRepository): string {
  return inEdgeRepository(`${publishedRepository}/edgeadm:v${program.version}`, edgeRepository);
}

/** The name that one of edgeadm's published images has in another repository; other names stay. */
export function inEdgeRepository(name: string, edgeRepository: string): string {
  if (edgeRepository === defaultRepository || !name.startsWith(`${publishedRepository}/`)) return name;
  return `${edgeRepository.replace(/\/$/, '')}${name.slice(publishedRepository.length)}`;
}
