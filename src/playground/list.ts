import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { disconnectedFile } from './image-recipe.ts';
import { readPlaygrounds } from './labels.ts';
import type { ProvidedNode, Provider } from './provider.ts';
import type { Playground } from './types.ts';

/** All playgrounds of this machine, by what the provider knows; there is no other record of them. */
export async function listPlaygrounds(provider: Provider): Promise<Playground[]> {
  const [networks, nodes] = await Promise.all([provider.networks(), provider.nodes()]);
  const isDisconnected = (node: ProvidedNode): boolean => {
    const root = provider.rootOf(node);
    return root !== undefined && existsSync(join(root, disconnectedFile));
  };
  return readPlaygrounds(networks, nodes, isDisconnected);
}
