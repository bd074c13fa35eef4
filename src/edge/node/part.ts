import type { Emit } from '../../workflow/events.ts';
import type { LiteApiserverConfig } from '../lite-apiserver/config.ts';
import type { LiteApiserver } from '../lite-apiserver/index.ts';

/** What each part of the node's process is given. */
export interface NodeProcess {
  /** The whole document of --config; a part reads its own section. */
  config: LiteApiserverConfig;
  /** The running proxy: its link (online or not), its transport with the node's certificate, its metrics. */
  proxy: LiteApiserver;
  /** Aborted when the process is to end. */
  signal: AbortSignal;
  emit: Emit;
  /** One line for the log. */
  log(message: string): void;
  warn(message: string): void;
}

/**
 * One thing that the node's process does beside the proxy. Parts are listed in `parts.ts`; each runs on its own: one that
 * throws is started again with a back-off and never ends the others.
 */
export interface NodePart {
  /** For the log. */
  name: string;
  /** Runs until the signal is aborted, or resolves at once when its section is not in the configuration. */
  run(node: NodeProcess): Promise<void>;
}
