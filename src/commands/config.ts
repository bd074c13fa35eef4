import { configFlag, kubeconfigFlag } from '../config/flags/common.ts';
import { kubeadmInitFlags } from '../config/flags/init.ts';
import { kubeadmOutputFlags } from '../config/flags/output.ts';
import { switchFlag, textFlag } from './flags.ts';
import { passThrough, passThroughWithVersion } from './kubeadm.ts';
import type { CommandSpec } from './spec.ts';

const experimental = switchFlag(
  'allow-experimental-api',
  'also take experimental, unreleased versions of the API',
);
const componentConfigs = textFlag(
  'component-configs',
  'kinds',
  'also print the defaults of KubeletConfiguration, KubeProxyConfiguration',
  { value: 'strings' },
);
const imageFlags = [
  kubeconfigFlag,
  ...kubeadmInitFlags.filter(({ name }) =>
    ['config', 'feature-gates', 'image-repository', 'kubernetes-version'].includes(name),
  ),
];

const printed = (kind: 'init' | 'join' | 'reset' | 'upgrade'): CommandSpec =>
  passThrough(['config', 'print', `${kind}-defaults`], {
    name: `${kind}-defaults`,
    short: `Print the defaults of kubeadm for \`edgeadm ${kind}\``,
    examples: `edgeadm config print ${kind}-defaults`,
    flags: kind === 'init' ? [componentConfigs, kubeconfigFlag] : [kubeconfigFlag],
  });

export const configCommand: CommandSpec = {
  name: 'config',
  short: 'Print, check and migrate configuration files',
  long: 'A configuration file holds documents of kubeadm (InitConfiguration, ClusterConfiguration, …) and, at will, one EdgeConfiguration.',
  examples: [
    'edgeadm config print init-defaults > cluster.yaml',
    'edgeadm config print edge-defaults >> cluster.yaml',
    'edgeadm config validate --config cluster.yaml',
  ].join('\n'),
  commands: [
    {
      name: 'print',
      short: 'Print the defaults of configuration documents',
      examples: 'edgeadm config print edge-defaults',
      commands: [
        {
          name: 'edge-defaults',
          short: 'Print the defaults of EdgeConfiguration',
          examples: 'edgeadm config print edge-defaults',
          run: async () => (await import('./config-files.ts')).printEdgeDefaults(),
        },
        printed('init'),
        printed('join'),
        printed('reset'),
        printed('upgrade'),
      ],
    },
    {
      name: 'validate',
      short: 'Check a configuration file',
      long: 'Checks the documents of a configuration file: those of edgeadm, and, where a kubeadm is on the host, those of kubeadm by kubeadm itself.',
      examples: 'edgeadm config validate --config cluster.yaml',
      flags: [
        configFlag,
        kubeconfigFlag,
        experimental,
        switchFlag('allow-deprecated-api', 'also take deprecated versions of the API'),
      ],
      run: async (call) => (await import('./config-files.ts')).validateFile(call),
    },
    {
      name: 'migrate',
      short: "Bring a configuration file to the current version of kubeadm's API",
      long: "Brings kubeadm's documents of a file to the current version of its API, by kubeadm itself. Other documents stay as they are.",
      examples: 'edgeadm config migrate --old-config old.yaml --new-config new.yaml',
      flags: [
        kubeconfigFlag,
        textFlag('old-config', 'file', 'the file to read'),
        textFlag('new-config', 'file', 'the file to write (default: standard output)'),
        experimental,
      ],
      run: async (call) => (await import('./config-files.ts')).migrateFile(call),
    },
    {
      name: 'images',
      short: 'List and pull the images that kubeadm needs',
      examples: 'edgeadm config images list',
      commands: [
        passThroughWithVersion(['config', 'images', 'list'], {
          name: 'list',
          short: 'List the images that kubeadm needs',
          examples: 'edgeadm config images list --kubernetes-version v1.36.3',
          flags: [...imageFlags, ...kubeadmOutputFlags],
        }),
        passThroughWithVersion(['config', 'images', 'pull'], {
          name: 'pull',
          short: 'Pull the images that kubeadm needs, over the network',
          examples: 'edgeadm config images pull --config cluster.yaml',
          flags: [...imageFlags, ...kubeadmInitFlags.filter(({ name }) => name === 'cri-socket')],
        }),
      ],
    },
  ],
};
