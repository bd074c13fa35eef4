import type { CommandResult } from '../../src/host/host.ts';
import type {
  ExecOptions,
  NodeRequest,
  ProvidedNetwork,
  ProvidedNode,
  Provider,
} from '../../src/playground/provider.ts';

export interface Executed {
  node: string;
  command: readonly string[];
  input: ExecOptions['input'];
}

export interface FakeProvider extends Provider {
  images: Set<string>;
  /** Names that containers of others have. */
  taken: Set<string>;
  made: NodeRequest[];
  executed: Executed[];
  /** Answers a program that runs in a node; undefined is success without output. */
  onExec: (
    node: string,
    command: readonly string[],
    options: ExecOptions,
  ) => Promise<Partial<CommandResult>> | Partial<CommandResult> | undefined;
}

/**
 * A provider without a kernel. As the real one it: refuses a second network or node of a name, refuses to remove a
 * network that has nodes, lists what was made with its labels, throws for a program that fails unless `allowFailure`,
 * and hands each line of output to `onLine`. Nodes run from the moment they are made.
 */
export function fakeProvider(): FakeProvider {
  const networks: ProvidedNetwork[] = [];
  const nodes: (ProvidedNode & { network: string })[] = [];
  const created = '2026-01-02T03:04:05.000Z';
  const fake: FakeProvider = {
    name: 'fake',
    images: new Set(),
    taken: new Set(),
    made: [],
    executed: [],
    onExec: () => undefined,
    hasImage: async (image) => fake.images.has(image),
    importImage: async (image) => void fake.images.add(image),
    unusedImages: async (prefix) => [...fake.images].filter((image) => image.startsWith(prefix)),
    removeImage: async (image) => void fake.images.delete(image),
    saveImage: async () => {},
    networks: async () => networks.map((network) => ({ ...network })),
    async createNetwork({ name, subnet, labels }) {
      if (networks.some((network) => network.name === name)) throw new Error(`network ${name} exists`);
      networks.push({ name, subnets: [subnet], labels, created });
    },
    async removeNetwork(name) {
      if (nodes.some((node) => node.network === name)) throw new Error(`network ${name} is being used`);
      networks.splice(
        networks.findIndex((network) => network.name === name),
        1,
      );
    },
    nodes: async () => nodes.map((node) => ({ ...node })),
    isTaken: async (name) => fake.taken.has(name) || nodes.some((node) => node.name === name),
    async createNode(node) {
      if (await fake.isTaken(node.name)) throw new Error(`name ${node.name} is in use`);
      fake.made.push(node);
      const { name, labels, network } = node;
      nodes.push({ name, state: 'running', labels, created, pid: undefined, network });
    },
    async startNode(name) {
      const node = nodes.find((each) => each.name === name);
      if (node) node.state = 'running';
    },
    rebootNode: async () => {},
    async removeNodes(names) {
      for (const name of names) {
        const at = nodes.findIndex((node) => node.name === name);
        if (at >= 0) nodes.splice(at, 1);
      }
    },
    async exec(node, command, options = {}) {
      options.signal?.throwIfAborted();
      fake.executed.push({ node, command, input: options.input });
      const answer = { exitCode: 0, stdout: '', stderr: '', ...(await fake.onExec(node, command, options)) };
      for (const line of answer.stdout.split('\n').filter(Boolean)) options.onLine?.(line, 'stdout');
      for (const line of answer.stderr.split('\n').filter(Boolean)) options.onLine?.(line, 'stderr');
      if (answer.exitCode !== 0 && !options.allowFailure)
        throw new Error(`${command.join(' ')} failed: ${answer.stderr}`);
      return answer;
    },
    attach: async () => 0,
    diskOf: async () => undefined,
    rootOf: () => undefined,
  };
  return fake;
}
