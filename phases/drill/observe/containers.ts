import { readLocalAddresses } from '../../../src/edge/node/edge-link.ts';
import { ctr } from '../../node/ctr.ts';
import type { DrillMachine } from '../machine.ts';

/** A container of Kubernetes whose process runs. */
export interface RunningContainer {
  id: string;
  pid: number;
  kind: 'sandbox' | 'container';
  namespace: string;
  pod: string;
  podUid: string;
  /** Empty of a sandbox. */
  name: string;
}

export type Containers = RunningContainer[];

interface Labels {
  [label: string]: string | undefined;
}

const timeoutMs = 10_000;

/**
 * Reads what runs from containerd itself: the kubelet's own API asks the cloud who may ask it. Labels of a container
 * never change, so each is asked for once.
 */
export class ContainerView {
  readonly #machine: DrillMachine;
  readonly #labels = new Map<string, Labels>();

  constructor(machine: DrillMachine) {
    this.#machine = machine;
  }

  /** Errors: E_COMMAND when containerd does not answer. */
  async running(): Promise<Containers> {
    const { stdout } = await this.#machine.run({ file: 'ctr', args: [...ctr, 'tasks', 'ls'], timeoutMs });
    const found: Containers = [];
    for (const { id, pid } of parseTasks(stdout)) {
      const labels = await this.#labelsOf(id);
      const kind = labels?.['io.cri-containerd.kind'];
      if (!labels || (kind !== 'sandbox' && kind !== 'container')) continue;
      found.push({
        id,
        pid,
        kind,
        namespace: labels['io.kubernetes.pod.namespace'] ?? '',
        pod: labels['io.kubernetes.pod.name'] ?? '',
        podUid: labels['io.kubernetes.pod.uid'] ?? '',
        name: labels['io.kubernetes.container.name'] ?? '',
      });
    }
    return found.sort((one, other) => one.id.localeCompare(other.id));
  }

  /** Addresses that the kernel answers for in the network namespace of a process. */
  async addresses(pid: number): Promise<ReadonlySet<string>> {
    // It may end meanwhile.
    const read = (path: string) => this.#machine.read(path).catch(() => undefined);
    return readLocalAddresses(read, `/proc/${pid}/net`);
  }

  /** undefined: it is gone meanwhile. */
  async #labelsOf(id: string): Promise<Labels | undefined> {
    const known = this.#labels.get(id);
    if (known) return known;
    const { exitCode, stdout } = await this.#machine.run(
      { file: 'ctr', args: [...ctr, 'containers', 'info', id], timeoutMs },
      { allowFailure: true },
    );
    if (exitCode !== 0) return undefined;
    const { Labels = {} } = JSON.parse(stdout) as { Labels?: Labels };
    this.#labels.set(id, Labels);
    return Labels;
  }
}

/** `TASK PID STATUS` with a head line. */
function parseTasks(text: string): { id: string; pid: number }[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', pid, status] = line.trim().split(/\s+/);
    return status === 'RUNNING' ? [{ id, pid: Number(pid) }] : [];
  });
}

export const podName = ({ namespace, pod }: { namespace: string; pod: string }): string =>
  `${namespace}/${pod}`;
