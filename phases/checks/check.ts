import type { InitSettings, JoinSettings } from '../../src/config/types.ts';
import type { Host } from '../../src/host/host.ts';
import type { PackageManifest } from '../../src/package/types.ts';

export interface Finding {
  /** When it is not the check's: one look at the host may find several things, each ignored by its own name. */
  name?: string;
  level: 'error' | 'warning';
  /** Lower-case; names the value at fault. */
  message: string;
  /** What to do, as a sentence or a command. */
  fix: string;
}

export interface CheckContext {
  signal: AbortSignal;
  /** Of the package that will be installed, when it is known already. */
  package?: PackageManifest | undefined;
}

/** One look at the host before anything is changed. Reads only. */
export interface Check<S> {
  /** What `--ignore-preflight-errors` takes; kubeadm's name where kubeadm has the same check. */
  name: string;
  /** Names of kubeadm's checks that cover this one among other things. */
  aliases?: readonly string[];
  /** Default 15 000. */
  timeoutMs?: number;
  applies?(settings: S): boolean;
  run(host: Host, settings: S, context: CheckContext): Promise<Finding[]>;
}

export type NodeSettings = InitSettings | JoinSettings;

export function isInit(settings: NodeSettings): settings is InitSettings {
  return 'podSubnet' in settings;
}

export function isControlPlane(settings: NodeSettings): boolean {
  return isInit(settings) || settings.controlPlane;
}

export const error = (message: string, fix: string, name?: string): Finding =>
  finding('error', message, fix, name);

export const warning = (message: string, fix: string, name?: string): Finding =>
  finding('warning', message, fix, name);

function finding(level: Finding['level'], message: string, fix: string, name?: string): Finding {
  return { ...(name && { name }), level, message, fix };
}
