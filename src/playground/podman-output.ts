import { EdgeadmError } from '../errors.ts';
import type { ProvidedNetwork, ProvidedNode } from './provider.ts';
import type { NodeState } from './types.ts';

/** The fields that are read of `podman … --format json`, as podman 4.3 to 5 write them. */
interface Container {
  Names: string[];
  State: string;
  Labels: Record<string, string> | null;
  /** Seconds since 1970. */
  Created: number;
  Pid: number;
}

interface Network {
  name: string;
  created: string;
  subnets?: { subnet: string }[];
  labels?: Record<string, string>;
}

interface Image {
  Names?: string[] | null;
  Containers?: number;
}

const states: Record<string, NodeState> = {
  running: 'running',
  paused: 'paused',
  created: 'created',
  configured: 'created',
};

export function parseContainers(text: string): ProvidedNode[] {
  return parse<Container>(text, 'podman ps').map(({ Names, State, Labels, Created, Pid }) => ({
    name: Names[0] ?? '',
    state: states[State] ?? 'exited',
    labels: Labels ?? {},
    created: new Date(Created * 1000).toISOString(),
    pid: Pid > 0 ? Pid : undefined,
  }));
}

export function parseNetworks(text: string): ProvidedNetwork[] {
  return parse<Network>(text, 'podman network ls').map(({ name, created, subnets, labels }) => ({
    name,
    created: new Date(created).toISOString(),
    subnets: (subnets ?? []).map(({ subnet }) => subnet),
    labels: labels ?? {},
  }));
}

export function parseImages(text: string): { names: string[]; containers: number }[] {
  return parse<Image>(text, 'podman images').map(({ Names, Containers }) => ({
    names: Names ?? [],
    containers: Containers ?? 0,
  }));
}

function parse<T>(text: string, command: string): T[] {
  try {
    return (JSON.parse(text.trim() || '[]') ?? []) as T[];
  } catch (cause) {
    throw new EdgeadmError('E_PLAYGROUND', `the output of ${command} is not JSON: ${text.slice(0, 100)}`, {
      hint: 'Is it podman 4 or newer? See `podman version`.',
      cause,
    });
  }
}
