import type { KubeDocument } from '../types.ts';

/** How a flag's text becomes a value. `map` is `key=value,key=value`; `strings` takes commas and repeats. */
export type FlagValue = 'bool' | 'string' | 'strings' | 'int' | 'duration' | 'map' | 'count';

/** The document and field that a flag sets, e.g. `networking.podSubnet` of ClusterConfiguration. */
export interface FlagTarget {
  kind: KubeDocument['kind'];
  /** Field names joined by `.`; a number is an index of a list. */
  path: string;
}

/** A command-line flag as data: from it come the parser, the help, the completion and the documents. */
export interface FlagSpec {
  /** Long name without dashes. */
  name: string;
  /** One letter, without the dash. */
  short?: string;
  value: FlagValue;
  /** Name of the value in the help; the kind of value when left out. */
  argName?: string;
  /** What holds when it is not given, for the help. The program reads its own defaults from src/config. */
  default?: string | number | boolean | readonly string[];
  description: string;
  group: 'kubeadm' | 'edgeadm';
  /** Whether it may stand beside --config (kubeadm: ValidateMixedArguments). */
  withConfig: boolean;
  target?: FlagTarget;
  /** Not shown in the help. */
  hidden?: boolean;
  /** What to use instead; such a flag is taken, hidden and warned about. */
  deprecated?: string;
  /** Its value must not appear in a log, an error or a plan. */
  secret?: boolean;
}

/** Values by camelCase name, only those that the user gave: `{ podNetworkCidr: '10.244.0.0/16' }`. */
export type FlagValues = Readonly<Record<string, unknown>>;

/** `pod-network-cidr` → `podNetworkCidr`, as commander names option values. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
