import type { CommandSpec, LazyCommand } from './spec.ts';

/** The program itself. */
export const program: CommandSpec = {
  name: 'edgeadm',
  short: 'Make and run edge Kubernetes clusters',
  long:
    'edgeadm makes an edge Kubernetes cluster the way kubeadm makes a cluster: one command for the first control-plane node, one for each further ' +
    'node. It prepares the host, runs the unmodified kubeadm, and installs the network and the edge components.',
  examples: [
    '# A cluster of test nodes on this machine',
    'edgeadm playground create',
    '# The first control-plane node',
    'edgeadm init --install-pkg-path edgeadm.tar.zst',
    '# A further node; init prints the whole command',
    'edgeadm join 10.0.0.1:6443 --token TOKEN --discovery-token-ca-cert-hash sha256:HASH --install-pkg-path edgeadm.tar.zst',
    '# Take everything back',
    'edgeadm reset',
  ].join('\n'),
};

/** Every command, in the order of the help. A command's definition is loaded when it is named. */
export const commands: readonly LazyCommand[] = [
  {
    name: 'init',
    short: 'Set up the first control-plane node of a cluster',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  {
    name: 'join',
    short: 'Join this machine to a cluster, as an edge node, a worker or a control-plane node',
    load: async () => (await import('./join.ts')).joinCommand(),
  },
  {
    name: 'reset',
    short: 'Take back what init or join did to this host',
    load: async () => (await import('./reset.ts')).resetCommand(),
  },
  {
    name: 'status',
    short: 'Say how an edge node stands: online or not, what is remembered, certificates',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'token',
    short: 'Manage bootstrap tokens',
    load: async () => (await import('./token.ts')).tokenCommand,
  },
  {
    name: 'config',
    short: 'Print, check and migrate configuration files',
    load: async () => (await import('./config.ts')).configCommand,
  },
  {
    name: 'check',
    short: 'Check a node: how long it lives without the cloud',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'drill',
    short: 'Try on an edge node what happens without the cloud',
    load: async () => (await import('./drill.ts')).drillCommand,
  },
  {
    name: 'certs',
    aliases: ['certificates'],
    short: 'Check and renew certificates',
    load: async () => (await import('./certs.ts')).certsCommand,
  },
  {
    name: 'kubeconfig',
    short: 'Make kubeconfig files',
    load: async () => (await import('./kubeconfig.ts')).kubeconfigCommand,
  },
  {
    name: 'package',
    short: 'Build, verify and inspect install packages',
    load: async () => (await import('./package-command.ts')).packageCommand,
  },
  {
    name: 'playground',
    short: 'Clusters of test nodes on this machine',
    load: async () => (await import('./playground-command.ts')).playgroundCommand,
  },
  {
    name: 'manifests',
    short: 'Write the manifests that edgeadm applies to a folder, to read or to change them',
    load: async () => (await import('./manifests.ts')).manifestsCommand,
  },
  {
    name: 'completion',
    short: 'Print the completion script of a shell',
    load: async () => (await import('./completion/index.ts')).completionCommand({ program, commands }),
  },
  {
    name: 'controller',
    short: 'Run the in-cluster controller',
    hidden: true,
    load: async () => (await import('./controller.ts')).controllerCommand,
  },
  {
    name: 'lite-apiserver',
    short: "Run an edge node's own process: the caching API proxy and what works beside it",
    hidden: true,
    load: async () => (await import('./lite-apiserver.ts')).liteApiserverCommand,
  },
  {
    name: 'version',
    short: 'Print the version of edgeadm',
    load: async () => (await import('./version.ts')).versionCommand,
  },
];
