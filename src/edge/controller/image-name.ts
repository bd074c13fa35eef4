import program from '../../../package.json' with { type: 'json' };

/** Where edgeadm's own images are published: the default of EdgeConfiguration.images.edgeRepository. */
export const publishedRepository = 'ghcr.io/superedge';

/** Full name of this version's image: `ghcr.io/superedge/edgeadm:v0.1.0`. */
export function controllerImageName(edgeRepository = publishedRepository): string {
  return inEdgeRepository(`${publishedRepository}/edgeadm:v${program.version}`, edgeRepository);
}

/** The name that one of edgeadm's published images has in another repository; other names stay. */
export function inEdgeRepository(name: string, edgeRepository: string): string {
  if (!name.startsWith(`${publishedRepository}/`)) return name;
  return `${edgeRepository.replace(/\/$/, '')}${name.slice(publishedRepository.length)}`;
}
