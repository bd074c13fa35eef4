import type { FlagSpec, FlagValues } from '../config/flags/spec.ts';
import { switchFlag, textFlag } from './flags.ts';
import type { PlaygroundCreateOptions, PlaygroundSelection } from './playground.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';

const own = { group: 'edgeadm' } as const;

const nameFlag = textFlag('name', 'name', 'which playground (default: the only one there is)', own);
const countFlag = (name: string, standard: number, what: string): FlagSpec =>
  textFlag(name, 'number', `how many ${what}`, { ...own, value: 'int', default: standard });

const createFlags: readonly FlagSpec[] = [
  textFlag('name', 'name', 'name of the playground; names of nodes begin with it', {
    ...own,
    default: 'playground',
  }),
  countFlag('control-planes', 1, 'control-plane nodes'),
  countFlag('workers', 0, 'workers of the cloud side'),
  countFlag('edges', 2, 'edge nodes'),
  countFlag(
    'sites',
    1,
    'sites the edge nodes are dealt to; nodes of a site reach each other while disconnected',
  ),
  switchFlag('bare', 'only boot nodes; each has edgeadm and the package', own),
  textFlag(
    'kubernetes-version',
    'version',
    'version or minor, v1.36.3 or v1.36 (default: the newest minor)',
    own,
  ),
  textFlag('package', 'file|folder', 'install package (default: one is built from Go modules)', own),
  textFlag('config', 'file', 'documents of kubeadm and EdgeConfiguration for the cluster', own),
];

const nodeArgument = {
  name: '<node>',
  description: 'name of a node, whole or without the name of the playground',
};

const load = () => import('./playground.ts');
const selection = ({ name }: FlagValues): PlaygroundSelection =>
  name === undefined ? {} : { name: name as string };
const node = ({ args }: Call): string => args[0] ?? '';

export const playgroundCommand: CommandSpec = {
  name: 'playground',
  short: 'Clusters of test nodes on this machine',
  long: 'A playground is a cluster on this machine whose nodes are containers that boot systemd. It is made with the same init and join as a real one: to try edgeadm, to test with, and to see what happens when a link is cut or the power fails.',
  examples: [
    'edgeadm playground create',
    'edgeadm playground kubectl get nodes',
    'edgeadm playground disconnect edge-1',
    'edgeadm playground delete',
  ].join('\n'),
  commands: [
    {
      name: 'create',
      short: 'Make nodes and a cluster on them',
      long: 'Installs what is missing on this machine, builds the install package where none is given, boots nodes, runs init and join on them, and waits until all are ready and DNS answers.',
      examples: [
        'edgeadm playground create',
        '# Three control-plane nodes and four edge nodes on two sites',
        'edgeadm playground create --name big --control-planes 3 --edges 4 --sites 2',
        '# Only nodes, to type the commands of a real host on',
        'edgeadm playground create --bare',
      ].join('\n'),
      flags: createFlags,
      async run({ flags, emit, signal }) {
        const { text, ...data } = await (await load()).playgroundCreate(flags as PlaygroundCreateOptions, {
          emit,
          signal,
        });
        return { text, data };
      },
    },
    {
      name: 'list',
      short: 'List playgrounds and their nodes',
      examples: 'edgeadm playground list -o json',
      async run({ emit, signal }) {
        const { text, ...data } = await (await load()).playgroundList({ emit, signal });
        return { text, data };
      },
    },
    {
      name: 'exec',
      short: 'Run a program in a node (default: a shell)',
      examples: [
        'edgeadm playground exec edge-1',
        'edgeadm playground exec edge-1 -- ctr -n k8s.io containers ls',
      ].join('\n'),
      arguments: [nodeArgument, { name: '[command...]', description: 'program and its arguments' }],
      flags: [nameFlag],
      verbatimAfter: 1,
      foreground: true,
      async run(call) {
        const { emit, signal, flags } = call;
        return (await load()).playgroundExec(node(call), call.args.slice(1), selection(flags), {
          emit,
          signal,
        });
      },
    },
    {
      name: 'kubectl',
      short: "Run kubectl as the cluster's administrator",
      examples: [
        'edgeadm playground kubectl get pods -A',
        'edgeadm playground kubectl --name big get nodes',
      ].join('\n'),
      arguments: [{ name: '[arguments...]', description: 'arguments of kubectl' }],
      flags: [nameFlag],
      verbatimAfter: 0,
      foreground: true,
      async run({ args, flags, emit, signal }) {
        return (await load()).playgroundKubectl(args, selection(flags), { emit, signal });
      },
    },
    {
      name: 'load',
      short: 'Put an image on all nodes',
      examples: ['edgeadm playground load app.tar', 'edgeadm playground load localhost/app:dev'].join('\n'),
      arguments: [{ name: '<image>', description: "archive file, or image of this machine's podman" }],
      flags: [nameFlag],
      async run({ args, flags, emit, signal }) {
        const data = await (await load()).playgroundLoad(args[0] ?? '', selection(flags), { emit, signal });
        return { text: `loaded ${data.images.join(', ')} on ${data.nodes.length} nodes`, data };
      },
    },
    {
      name: 'disconnect',
      short: 'Cut a node off from everything but its own site',
      examples: 'edgeadm playground disconnect edge-1',
      arguments: [nodeArgument],
      flags: [nameFlag],
      async run(call) {
        const data = await (await load()).playgroundDisconnect(node(call), selection(call.flags), call);
        const still =
          data.reachable.length > 0
            ? `it still reaches ${data.reachable.join(', ')}`
            : 'it reaches no other node';
        return { text: `${data.node} is disconnected; ${still}`, data };
      },
    },
    {
      name: 'connect',
      short: 'Connect a node again',
      examples: 'edgeadm playground connect edge-1',
      arguments: [nodeArgument],
      flags: [nameFlag],
      async run(call) {
        const data = await (await load()).playgroundConnect(node(call), selection(call.flags), call);
        return { text: `${data.node} ${data.changed ? 'is connected again' : 'was not disconnected'}`, data };
      },
    },
    {
      name: 'reboot',
      short: 'Reboot a node',
      examples: ['edgeadm playground reboot edge-1', 'edgeadm playground reboot edge-1 --power-cut'].join(
        '\n',
      ),
      arguments: [nodeArgument],
      flags: [nameFlag, switchFlag('power-cut', 'cut its power instead of shutting it down', own)],
      run: reboot,
    },
    {
      name: 'delete',
      short: 'Remove a playground and all that belongs to it',
      examples: ['edgeadm playground delete', 'edgeadm playground delete --all'].join('\n'),
      flags: [
        textFlag('name', 'name', 'which playground', { ...own, default: 'playground' }),
        switchFlag('all', 'all playgrounds', own),
      ],
      async run({ flags, emit, signal }) {
        const options = { ...selection(flags), all: flags.all === true };
        const data = await (await load()).playgroundDelete(options, { emit, signal });
        const names = data.removed.map(({ name, nodes }) => `removed ${name} (${nodes.length} nodes)`);
        return { text: names.length > 0 ? names.join('\n') : 'there is no playground', data };
      },
    },
  ],
};

async function reboot(call: Call): Promise<Outcome> {
  const options = { ...selection(call.flags), powerCut: call.flags.powerCut === true };
  const data = await (await load()).playgroundReboot(node(call), options, call);
  return { text: `${data.node} is up again after ${data.seconds.toFixed(1)} s`, data };
}
