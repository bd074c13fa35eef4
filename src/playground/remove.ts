import type { Provider } from './provider.ts';
import type { Playground } from './types.ts';

/** Removes a playground's nodes with their disks, then its network. What is gone already is no error; nothing else is touched. */
export async function removePlayground(provider: Provider, playground: Playground): Promise<void> {
  await provider.removeNodes(playground.nodes.map(({ name }) => name));
  const networks = await provider.networks();
  if (networks.some(({ name }) => name === playground.network))
    await provider.removeNetwork(playground.network);
}
