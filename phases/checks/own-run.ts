import type { Host } from '../../src/host/host.ts';

export type OwnRun = 'init' | 'join';

/**
 * Which command of ours made this host a node, or is in the middle of it, by the journal. What kubeadm left behind is
 * then ours, and no reason to refuse the same command.
 */
export function ownRun(host: Host): OwnRun | undefined {
  return (['init', 'join'] as const).find((command) => host.state(`kubeadm-${command}`) !== 'absent');
}

/** Whether the same command ran to its end before. */
export function isDone(host: Host, command: OwnRun): boolean {
  return host.state(`kubeadm-${command}`) === 'done';
}
