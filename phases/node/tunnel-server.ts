import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { egressArgument, tunnel } from '../../src/config/tunnel.ts';
import type { KubeDocument } from '../../src/config/types.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { localImageName } from './image-name.ts';
import { ensureServerCertificates, serverCertificatePath, serverConfPath } from './tunnel-certificates.ts';
import { withoutTunnel } from './tunnel-egress.ts';

/** The konnectivity server's static Pod. */
export const tunnelServerManifest = join(paths.manifests, 'konnectivity-server.yaml');
const apiServerManifest = join(paths.manifests, 'kube-apiserver.yaml');
export const certificatesAnnotation = 'edgeadm.superedge.io/certificates';

/** Starts the konnectivity server beside the API server, when that one is set to use it. */
export const tunnelServerPhase: Phase<NodeContext> = {
  name: 'tunnel-server',
  short: 'Start the konnectivity server beside the API server',
  long: 'Makes its certificates, on this node, and its static Pod. What ends within 90 days is renewed.',
  skip: (ctx) => {
    if (ctx.role !== 'control-plane') return 'not a control-plane node';
    return ctx.command === 'join' ? undefined : withoutTunnel(ctx);
  },
  async requires(ctx) {
    if (ctx.host.dryRun || (await ctx.host.stat(apiServerManifest))) return undefined;
    return {
      reason: `${apiServerManifest} is not there: this host has no control plane`,
      hint: `Run \`edgeadm ${ctx.command}\` first.`,
    };
  },
  async run(ctx, run) {
    const { host } = ctx;
    const manifest = await host.readText(apiServerManifest);
    if (manifest === undefined) {
      run.progress('made from the CA of this node once it is there');
      return true;
    }
    const other = otherEgress(manifest);
    if (other) {
      run.progress(other);
      return false;
    }
    const certificatesDir = certificatesDirOf(manifest);
    const certified = await ensureServerCertificates({ host, certificatesDir });
    const written = await writeServer(ctx);
    return certified || written;
  },
};

/** Why the API server of this manifest has no use for the server: the user's own selector won, or there is none. */
function otherEgress(manifest: string): string | undefined {
  if (manifest.includes(`--${egressArgument}=${tunnel.egressFile}`)) return undefined;
  const file = new RegExp(`--${egressArgument}=(\\S+)`).exec(manifest)?.[1];
  return file ? `the API server uses ${file}` : 'the API server was set up without the tunnel';
}

/** The same of this host's API server; undefined too where there is none yet. */
export async function withoutServer(host: Host): Promise<string | undefined> {
  const manifest = await host.readText(apiServerManifest);
  return manifest === undefined ? undefined : otherEgress(manifest);
}

/** Folder of `--client-ca-file`. */
function certificatesDirOf(manifest: string): string {
  return /--client-ca-file=(\S+)\/ca\.crt/.exec(manifest)?.[1] ?? paths.pki;
}

async function writeServer(ctx: NodeContext): Promise<boolean> {
  const { loadManifests } = await import('../../src/kube/manifests.ts');
  const { renderDocuments } = await import('../../src/config/documents.ts');
  const [template] = await loadManifests('addons/tunnel/konnectivity-server', {
    ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
  });
  const published = (await ctx.package.images()).find(({ name }) => /\/proxy-server[:@]/.test(name))?.name;
  const pod = serverPod(template!, {
    nodeName: ctx.nodeName,
    image: published && localImageName(ctx, published),
    certificates: await certificatesHash(ctx.host),
  });
  return ctx.host.writeFile(tunnelServerManifest, renderDocuments([pod]), { mode: 0o600 });
}

interface Pod {
  metadata: { annotations?: Record<string, string> };
  spec: { containers: { image: string; args: string[] }[] };
}

export interface ServerPodValues {
  /** Also the server's name towards agents, which have one connection to each. */
  nodeName: string;
  image: string | undefined;
  /** Hash of what the server reads only when it starts. */
  certificates: string;
}

/** Fills the Pod of manifests/addons/tunnel/konnectivity-server.yaml. `image` undefined keeps the manifest's. */
function serverPod(template: KubeDocument, { nodeName, image, certificates }: ServerPodValues): KubeDocument {
  const pod = structuredClone(template);
  const { metadata, spec } = pod as unknown as Pod;
  metadata.annotations = { ...metadata.annotations, [certificatesAnnotation]: certificates };
  const container = spec.containers[0]!;
  if (image) container.image = image;
  if (!container.args.some((arg) => arg.startsWith('--server-id=')))
    container.args = [...container.args, `--server-id=${nodeName}`];
  return pod;
}

async function certificatesHash(host: Host): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [serverCertificatePath, serverConfPath]) hash.update((await host.readText(path)) ?? '');
  return hash.digest('hex').slice(0, 16);
}

/**
 * Makes new certificates and has the kubelet start the server anew with them. Returns false on a host without a
 * konnectivity server of ours. Errors: E_PHASE_STATE.
 */
export async function renewTunnelServer(host: Host): Promise<boolean> {
  const [text, manifest] = await Promise.all(
    [tunnelServerManifest, apiServerManifest].map((path) => host.readText(path)),
  );
  if (text === undefined || manifest === undefined) return false;
  await ensureServerCertificates({ host, certificatesDir: certificatesDirOf(manifest) }, { renew: true });
  const { parseYaml } = await import('../../src/config/yaml.ts');
  const { renderDocuments } = await import('../../src/config/documents.ts');
  const [pod] = parseYaml({ text, path: tunnelServerManifest }) as KubeDocument[];
  const { metadata } = pod as unknown as Pod;
  metadata.annotations = { ...metadata.annotations, [certificatesAnnotation]: await certificatesHash(host) };
  await host.writeFile(tunnelServerManifest, renderDocuments([pod!]), { mode: 0o600 });
  return true;
}
