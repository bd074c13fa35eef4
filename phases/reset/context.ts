import type { ResetSettings } from '../../src/config/types.ts';
import type { JournaledHost } from '../../src/host/host.ts';
import type { Emit } from '../../src/workflow/events.ts';

export interface ResetContext {
  command: 'reset';
  settings: ResetSettings;
  host: JournaledHost;
  emit: Emit;
  signal: AbortSignal;
  /** Asks the user; resolves false when there is nobody to ask. */
  confirm(question: string): Promise<boolean>;
  result: Record<string, unknown>;
}

export interface ResetContextOptions {
  host: JournaledHost;
  emit: Emit;
  signal: AbortSignal;
  confirm(question: string): Promise<boolean>;
}

export function createResetContext(settings: ResetSettings, options: ResetContextOptions): ResetContext {
  return { command: 'reset', settings, result: {}, ...options };
}
