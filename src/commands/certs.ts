import { configFlag, kubeconfigFlag } from '../config/flags/common.ts';
import { kubeadmOutputFlags } from '../config/flags/output.ts';
import type { FlagSpec } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import { renewKubeletCommand } from './certs-kubelet.ts';
import { certDirFlag, textFlag } from './flags.ts';
import { passThrough, showKubeadm } from './kubeadm.ts';
import type { CommandSpec } from './spec.ts';

const renewFlags: readonly FlagSpec[] = [certDirFlag, configFlag, kubeconfigFlag];

/** What `kubeadm certs renew` can renew (cmd/kubeadm/app/phases/certs/renewal/manager.go). */
const renewable: readonly [name: string, short: string][] = [
  ['all', 'all certificates'],
  ['admin.conf', "the admin's kubeconfig file"],
  ['apiserver', 'the certificate for serving the Kubernetes API'],
  ['apiserver-etcd-client', 'the certificate of the API server towards etcd'],
  ['apiserver-kubelet-client', 'the certificate of the API server towards kubelets'],
  ['controller-manager.conf', "the controller manager's kubeconfig file"],
  ['etcd-healthcheck-client', 'the certificate of probes of etcd'],
  ['etcd-peer', 'the certificate of etcd members towards each other'],
  ['etcd-server', 'the certificate for serving etcd'],
  ['front-proxy-client', 'the certificate of the front proxy client'],
  ['scheduler.conf', "the scheduler's kubeconfig file"],
  ['super-admin.conf', "the super-admin's kubeconfig file"],
];

/** The tunnel's certificates too, which kubeadm does not know. */
const checkExpiration: typeof showKubeadm = async (call, args) => {
  const { expirationTable, showAsJson, tunnelCertificates } = await import('./certs-tunnel.ts');
  const { rootfs, output } = call.flags;
  const ours = await tunnelCertificates(typeof rootfs === 'string' ? rootfs : undefined);
  if (output === 'json') return showAsJson(call, args, ours);
  const outcome = await showKubeadm(call, args);
  const lines = output === undefined || output === 'text' ? expirationTable(ours) : [];
  if (outcome.exitCode === 0 && lines.length > 0) call.io.stdout.write(`\n${lines.join('\n')}\n`);
  return outcome;
};

const renewAll: typeof showKubeadm = async (call, args) => {
  const outcome = await showKubeadm(call, args);
  if (outcome.exitCode !== 0 || call.flags.rootfs !== undefined) return outcome;
  const { renewTunnel } = await import('./certs-tunnel.ts');
  if (await renewTunnel(call)) call.io.stdout.write(`${renewedTunnel}\n`);
  return outcome;
};

const renewedTunnel = 'certificates of the konnectivity server renewed; it is started again by itself';

const renewKonnectivityServer: CommandSpec = {
  name: 'konnectivity-server',
  short: 'Renew the certificates of the konnectivity server',
  long: 'Renews what the konnectivity server of this node shows to agents and to the API server. It is started again by itself; edge nodes are reached again within half a minute.',
  examples: 'edgeadm certs renew konnectivity-server',
  async run(call) {
    const { renewTunnel } = await import('./certs-tunnel.ts');
    if (await renewTunnel(call)) return { text: renewedTunnel, data: { renewed: true } };
    throw new EdgeadmError('E_PHASE_STATE', 'this host has no konnectivity server', {
      hint: 'Control-plane nodes of clusters with the addon `tunnel` have one.',
    });
  },
};

export const certsCommand: CommandSpec = {
  name: 'certs',
  aliases: ['certificates'],
  short: 'Check and renew certificates',
  examples: ['edgeadm certs check-expiration', 'edgeadm certs renew all'].join('\n'),
  commands: [
    passThrough(
      ['certs', 'check-expiration'],
      {
        name: 'check-expiration',
        short: 'Say when the certificates of this control-plane node expire',
        examples: ['edgeadm certs check-expiration', 'edgeadm certs check-expiration -o json'].join('\n'),
        flags: [certDirFlag, configFlag, kubeconfigFlag, ...kubeadmOutputFlags],
      },
      checkExpiration,
    ),
    {
      name: 'renew',
      short: 'Renew certificates of this control-plane node',
      long: 'Renews certificates with the CA on this node, whether or not they are about to expire. The control-plane Pods must be started again afterwards. `kubelet` is for any node: it asks the cluster.',
      examples: ['edgeadm certs renew all', 'edgeadm certs renew apiserver'].join('\n'),
      commands: [
        ...renewable.map(([name, short]) =>
          passThrough(
            ['certs', 'renew', name],
            { name, short: `Renew ${short}`, examples: `edgeadm certs renew ${name}`, flags: renewFlags },
            name === 'all' ? renewAll : showKubeadm,
          ),
        ),
        renewKonnectivityServer,
        renewKubeletCommand,
      ],
    },
    {
      name: 'certificate-key',
      short: 'Print a random certificate key',
      long: 'Prints a key for `edgeadm init --upload-certs --certificate-key KEY`. It needs no cluster and no kubeadm.',
      examples: 'edgeadm certs certificate-key',
      async run() {
        const { randomBytes } = await import('node:crypto');
        const certificateKey = randomBytes(32).toString('hex');
        return { text: certificateKey, data: { certificateKey } };
      },
    },
    passThrough(['certs', 'generate-csr'], {
      name: 'generate-csr',
      short: 'Make keys and certificate signing requests for an external CA',
      examples: 'edgeadm certs generate-csr --kubeconfig-dir /tmp/csr --cert-dir /tmp/csr/pki',
      flags: [
        textFlag('cert-dir', 'folder', 'where the keys and requests are written'),
        configFlag,
        textFlag('kubeconfig-dir', 'folder', 'where the kubeconfig files are written', {
          default: '/etc/kubernetes',
        }),
      ],
    }),
  ],
};
