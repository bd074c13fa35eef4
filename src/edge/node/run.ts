import { setTimeout } from 'node:timers/promises';
import type { Emit } from '../../workflow/events.ts';
import { readConfig } from '../lite-apiserver/config.ts';
import { startLiteApiserver } from '../lite-apiserver/index.ts';
import { keepEdgeLink } from './edge-link.ts';
import type { NodePart, NodeProcess } from './part.ts';
import { nodeParts } from './parts.ts';

export interface NodeOptions {
  /** File with a LiteApiserverConfiguration. */
  configFile: string;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/**
 * The one process of edgeadm's own on an edge node: the edge link, the caching API proxy, and the parts of `parts.ts`.
 * Resolves when the signal is aborted and what waited is written.
 * Errors: E_CONFIG_INVALID, E_CONFIG_FIELD, E_CONFIG_YAML for its configuration; all later troubles are told and tried
 * again.
 */
export async function runNode(
  { configFile }: NodeOptions,
  { signal, emit }: { signal: AbortSignal; emit: Emit },
): Promise<void> {
  const config = await readConfig(configFile);
  const log = (message: string) => emit({ type: 'log', level: 1, message, source: 'edge-node' });
  const warn = (message: string) => emit({ type: 'warning', message });
  // The addresses are there before the proxy looks for them, so that a booting node loses no time.
  const link = config.edgeLink ? await keepEdgeLink(config.edgeLink, { signal, log, warn }) : undefined;
  const proxy = await startLiteApiserver(config, { emit });
  void proxy.listening.then(() => {
    if (!signal.aborted) log('listening on every address');
  });
  const node: NodeProcess = { config, proxy, signal, emit, log, warn };
  await Promise.all([link?.ended, ...nodeParts.map((part) => supervise(part, node)), aborted(signal)]);
  await proxy.stop();
}

/** Runs a part until the signal is aborted; one that fails is started again, later each time. */
export async function supervise(
  part: NodePart,
  node: NodeProcess,
  pauses: { firstMs: number; longestMs: number } = { firstMs: firstPauseMs, longestMs: longestPauseMs },
): Promise<void> {
  let pauseMs = pauses.firstMs;
  while (!node.signal.aborted) {
    const started = performance.now();
    try {
      await part.run(node);
      return;
    } catch (error) {
      if (node.signal.aborted) return;
      // One that ran for long has a new trouble, not the same one.
      if (performance.now() - started > pauses.longestMs) pauseMs = pauses.firstMs;
      node.warn(`${part.name}: ${(error as Error).message}; again in ${Math.ceil(pauseMs / 1000)} s`);
      await setTimeout(pauseMs, undefined, { signal: node.signal }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, pauses.longestMs);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
