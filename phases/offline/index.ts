import { readPods, readStatus } from '../../src/edge/lite-apiserver/status-client.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import { nodeOf } from './gather/certificates.ts';
import { gatherFacts, type ProxyView } from './gather/gather.ts';
import { judge, type OfflineVerdict } from './verdict.ts';

export type { OfflineFinding, OfflineFindingId } from './catalogue.ts';
export { offlineFindings } from './catalogue.ts';
export { headline } from './text.ts';
export type { OfflineVerdict } from './verdict.ts';

const overSocket: ProxyView = { status: () => readStatus(), pods: () => readPods() };

export interface CheckOptions {
  signal: AbortSignal;
  /** Default: the node's own process, over its Unix socket. */
  proxy?: ProxyView;
  /** Milliseconds since 1970; default: this machine's clock. */
  now?: () => number;
  /** After which a look counts as failed; default 15 000. */
  limitMs?: number;
}

/** Name of the edge node that this host is; undefined when it is none. */
export async function edgeNodeName(host: Host): Promise<string | undefined> {
  const [certificate, config] = await Promise.all([
    host.readText(paths.kubeletClient),
    host.readText(paths.liteApiserverConfig),
  ]);
  if (config === undefined) return undefined;
  // The proxy's own word, when the kubelet's certificate is what is broken.
  return nodeOf(certificate ?? '') ?? /^nodeName: *["']?([^"'\s]+)/m.exec(config)?.[1];
}

/** Looks at the edge node that this host is, and judges. Errors: E_EDGE_NODE when it is none. */
export async function checkOffline(
  host: Host,
  { signal, proxy = overSocket, now = Date.now, limitMs = 15_000 }: CheckOptions,
): Promise<OfflineVerdict> {
  const node = await edgeNodeName(host);
  if (node === undefined) throw await noNode(host);
  return judge(await gatherFacts(host, { node, signal, proxy, now, limitMs }));
}

async function noNode(host: Host): Promise<EdgeadmError> {
  const config = paths.liteApiserverConfig;
  if (await host.stat(config)) {
    return new EdgeadmError(
      'E_EDGE_NODE',
      `${config} names no node, and there is no certificate of the kubelet that does (${paths.kubeletClient})`,
      {
        hint: `Put \`nodeName: NAME\` into ${config}, or make it anew: \`edgeadm join phase lite-apiserver\`.`,
      },
    );
  }
  return new EdgeadmError('E_EDGE_NODE', `this host is no edge node: ${config} is not there`, {
    hint: 'Run it on an edge node, or name one on a control-plane node: `edgeadm check offline NODE`.',
  });
}
