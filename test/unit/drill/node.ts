import type { ProxyReader, Sight } from '../../../phases/drill/checks.ts';
import type { DrillMachine } from '../../../phases/drill/machine.ts';
import { ContainerView } from '../../../phases/drill/observe/containers.ts';
import type { Reach } from '../../../phases/drill/observe/reach.ts';
import { type DrillState, stateFile } from '../../../phases/drill/state.ts';
import type { Workload } from '../../../src/edge/lite-apiserver/pods/workload.ts';
import type { LiteApiserverStatus } from '../../../src/edge/lite-apiserver/status.ts';
import type { Command } from '../../../src/host/host.ts';

const labelsOf = (id: string) => {
  const [pod = '', name] = id.split('.');
  return {
    'io.cri-containerd.kind': name ? 'container' : 'sandbox',
    'io.kubernetes.pod.namespace': 'shop',
    'io.kubernetes.pod.name': pod,
    'io.kubernetes.pod.uid': `uid-${pod}`,
    ...(name && { 'io.kubernetes.container.name': name }),
  };
};

/**
 * A node in memory: time goes on only in pauses; `nft` keeps one table whose addresses time out; `ctr` shows `tasks` (ids
 * are `pod` for a sandbox, `pod.container` for a container). `at(seconds, …)` lets something happen.
 */
export class FakeNode implements DrillMachine {
  time = 1_000_000_000;
  files = new Map<string, string>();
  commands: string[] = [];
  /** Addresses that are cut, and until when; undefined: there is no table. */
  table: Map<string, number> | undefined;
  tasks: Record<string, number> = { web: 10, 'web.main': 11 };
  /** Addresses by PID of a sandbox. */
  podAddresses: Record<number, string> = { 10: '10.244.1.2' };
  shuttingDown = false;
  private events: { at: number; act: () => void }[] = [];

  constructor() {
    this.boot(1);
  }

  boot(number: number): void {
    this.files.set('/proc/sys/kernel/random/boot_id', 'same\n');
    this.files.set('/proc/1/stat', `1 (systemd (x)) S ${'0 '.repeat(18)}${number * 100} 0`);
    this.files.set('/proc/uptime', `${number} 0`);
  }

  after(seconds: number, act: () => void): void {
    this.events.push({ at: this.time + seconds * 1000, act });
  }

  get isCut(): boolean {
    return [...(this.table?.values() ?? [])].some((until) => until > this.time);
  }

  now = () => this.time;

  async pause(ms: number): Promise<void> {
    this.time += ms;
    const uptime = Number(this.files.get('/proc/uptime')?.split(' ')[0]);
    this.files.set('/proc/uptime', `${uptime + ms / 1000} 0`);
    for (const event of this.events.splice(0)) {
      if (event.at <= this.time) event.act();
      else this.events.push(event);
    }
    // Lets promises that wait for the world settle.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async read(path: string): Promise<string | undefined> {
    const [, pid] = /^\/proc\/(\d+)\/net\/fib_trie$/.exec(path) ?? [];
    if (pid) return `           |-- ${this.podAddresses[Number(pid)]}\n              /32 host LOCAL\n`;
    return this.files.get(path);
  }

  async write(path: string, content: string): Promise<void> {
    this.files.set(path, content);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async run(command: Command, { allowFailure = false } = {}) {
    const { file, args = [], input } = command;
    const line = [file, ...args].join(' ');
    this.commands.push(line);
    const { exitCode = 0, stdout = '' } = this.answer(line, typeof input === 'string' ? input : '');
    if (exitCode !== 0 && !allowFailure) throw new Error(`${line}: exit status ${exitCode}`);
    return { exitCode, stdout, stderr: '' };
  }

  private answer(line: string, input: string): { exitCode?: number; stdout?: string } {
    if (line === 'nft -f -') {
      this.table = undefined;
      if (input.includes('chain')) this.load(input);
      return {};
    }
    if (line.startsWith('nft list')) {
      if (!this.table) return { exitCode: 1 };
      const live = [...this.table].filter(([, until]) => until > this.time).map(([address]) => address);
      return { stdout: `elements = { ${live.join(', ')} }` };
    }
    if (line.includes(' tasks ls')) {
      const rows = Object.entries(this.tasks).map(([id, pid]) => `${id}    ${pid}    RUNNING`);
      return { stdout: ['TASK    PID    STATUS', ...rows].join('\n') };
    }
    if (line.includes(' containers info '))
      return { stdout: JSON.stringify({ Labels: labelsOf(line.split(' ').at(-1)!) }) };
    if (line === 'systemctl is-system-running') return { stdout: this.shuttingDown ? 'stopping' : 'running' };
    return {};
  }

  /** As the kernel takes the rules. */
  load(rules: string): void {
    const found = rules.matchAll(/(\S+) timeout (\d+)s/g);
    this.table = new Map(
      [...found].map(([, address, seconds]) => [address!, this.time + Number(seconds) * 1000]),
    );
  }
}

export const workload: Workload = {
  pods: [
    {
      ...{ namespace: 'shop', name: 'web', uid: 'uid-web', hostNetwork: false, restartPolicy: 'Always' },
      readiness: [
        {
          container: 'main',
          probe: { tcpSocket: { port: 'web' } },
          ports: [{ name: 'web', containerPort: 8080 }],
        },
      ],
    },
  ],
  services: [
    {
      ...{ namespace: 'shop', name: 'web', clusterIPs: ['10.96.1.1'] },
      ports: [
        { name: '', port: 80, protocol: 'TCP' },
        { name: 'u', port: 81, protocol: 'UDP' },
      ],
    },
  ],
  slices: [
    {
      ...{ namespace: 'shop', service: 'web' },
      endpoints: [
        { addresses: ['10.244.1.2'], ready: true, nodeName: 'edge-1', podUid: 'uid-web', podName: 'web' },
      ],
    },
  ],
};

/** The proxy notices a cut within five seconds, as it promises. */
export function proxyOf(node: FakeNode): ProxyReader {
  let cutSince: number | undefined;
  return {
    async status() {
      cutSince = node.isCut ? (cutSince ?? node.time) : undefined;
      const online = cutSince === undefined || node.time - cutSince < 4000;
      const pods = { identity: 'node:edge-1', resource: 'pods', live: online };
      return {
        online,
        reason: online ? '' : 'no answer',
        resources: [pods],
      } as unknown as LiteApiserverStatus;
    },
    async workload() {
      return workload;
    },
  };
}

/** Everything answers, but for what `silent` names (`address:port`, or a DNS server). */
export function sightOf(node: FakeNode, silent: ReadonlySet<string> = new Set()): Omit<Sight, 'before'> {
  const reach: Reach = {
    tcp: async (address, port) => !silent.has(`${address}:${port}`),
    http: async () => 200,
    async resolve(_name, server) {
      if (silent.has(server)) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      return ['10.96.0.1'];
    },
  };
  return {
    node: 'edge-1',
    site: new Set(['edge-1']),
    containers: new ContainerView(node),
    reach,
    proxy: proxyOf(node),
    dns: { servers: ['169.254.20.11'], domain: 'cluster.local' },
  };
}

export const stateOf = (node: FakeNode, more: Partial<DrillState> = {}): DrillState => ({
  ...{ id: 'one', node: 'edge-1', startedAt: node.time, cutAt: 0, restoreBy: node.time + 900_000 },
  ...{ durationMs: 60_000, restart: 'none', restartedFromOutside: false, boot: 'same/100', stage: 'cut' },
  ...{ addresses: ['192.0.2.1'], before: [], checks: [] },
  ...more,
});

export const putState = (node: FakeNode, state: DrillState): void => {
  node.files.set(stateFile, JSON.stringify(state));
};
