import { paths } from '../../src/host/paths.ts';
import { kubeTime } from '../../src/kube/time.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { knownApiServerEndpoint } from '../node/api-server.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

/** Prints how to use the cluster and how further nodes join; the same facts stand in the result event. */
export const showJoinCommandPhase: Phase<InitContext> = {
  name: 'show-join-command',
  short: 'Show how to use the cluster and how nodes join',
  example: 'edgeadm init phase show-join-command',
  requires: requiresCluster,
  async run(ctx) {
    if (ctx.host.dryRun) return false;
    const { caCertHash } = await import('../../src/kube/pki.ts');
    const endpoint = await knownApiServerEndpoint(ctx);
    const ca = (await ctx.host.readText(`${ctx.settings.certificatesDir}/ca.crt`)) ?? '';
    const hash = caCertHash(ca);
    const token = await usableToken(ctx);
    const join = {
      endpoint,
      token,
      caCertHash: hash,
      ...(ctx.certificateKey ? { certificateKey: ctx.certificateKey } : {}),
    };
    ctx.result.join = join;
    ctx.result.kubeconfig = paths.adminConf;
    ctx.emit({ type: 'message', text: successText(ctx, join) });
    return false;
  },
};

/** The token of this run when kubeadm stored it (bootstrap-token phase), else a new one. */
async function usableToken(ctx: InitContext): Promise<string> {
  const kube = await ctx.kube();
  const id = ctx.token.slice(0, 6);
  const secret = await kube.get({
    apiVersion: 'v1',
    kind: 'Secret',
    namespace: 'kube-system',
    name: `bootstrap-token-${id}`,
  });
  if (secret) return ctx.token;
  const [tokenId, tokenSecret] = ctx.token.split('.') as [string, string];
  // The form of https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens; 24 h as kubeadm's default.
  await kube.apply([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${tokenId}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': tokenId,
        'token-secret': tokenSecret,
        expiration: kubeTime(Date.now() + 24 * 3600 * 1000),
        'usage-bootstrap-authentication': 'true',
        'usage-bootstrap-signing': 'true',
        'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      },
    },
  ]);
  return ctx.token;
}

interface JoinFacts {
  endpoint: string;
  token: string;
  caCertHash: string;
  certificateKey?: string;
}

function successText(ctx: InitContext, join: JoinFacts): string {
  const { settings } = ctx;
  const token = settings.skipTokenPrint ? '<token>' : join.token;
  const edge = settings.edge.enabled ? '' : ' \\\n    --enable-edge=false';
  const command = [
    `  edgeadm join ${join.endpoint} --token ${token} \\`,
    `    --discovery-token-ca-cert-hash ${join.caCertHash} \\`,
    `    --install-pkg-path <path of the install package>${edge}`,
  ].join('\n');
  const lines = [
    `Your Kubernetes control plane is ready${settings.edge.enabled ? ' for edge nodes' : ''}.`,
    '',
    'To use it as a regular user:',
    '',
    '  mkdir -p $HOME/.kube',
    `  sudo cp -i ${paths.adminConf} $HOME/.kube/config`,
    '  sudo chown $(id -u):$(id -g) $HOME/.kube/config',
    '',
    `As root: export KUBECONFIG=${paths.adminConf}`,
  ];
  if (ctx.controlPlaneEndpoint && join.certificateKey) {
    const key = settings.skipCertificateKeyPrint ? '<certificate key>' : join.certificateKey;
    lines.push(
      '',
      'Join further control-plane nodes, as root on each:',
      '',
      `${command} \\\n    --control-plane --certificate-key ${key}`,
      '',
      'The certificate key gives access to cluster secrets: keep it secret. The uploaded certificates are deleted in two',
      'hours; upload them again with: edgeadm init phase upload-certs --upload-certs',
    );
  } else if (ctx.controlPlaneEndpoint) {
    lines.push(
      '',
      'Join further control-plane nodes after copying the certificates, with --control-plane:',
      '',
      command,
    );
  }
  lines.push('', `Join ${settings.edge.enabled ? 'edge ' : ''}nodes, as root on each:`, '', command);
  if (settings.edge.enabled) lines.push('', 'A node of the cloud side joins with --enable-edge=false.');
  return lines.join('\n');
}
