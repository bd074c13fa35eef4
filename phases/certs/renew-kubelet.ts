import { X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import type { JournaledHost } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { KubeconfigFacts } from '../../src/kube/kubeconfig-document.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import type { Emit } from '../../src/workflow/events.ts';
import { waitForLease } from '../node/heartbeat.ts';
import { liteApiserverUnit, upstreamServers } from '../node/lite-apiserver.ts';

const current = paths.kubeletClient;
const caFile = join(paths.pki, 'ca.crt');
const approvalMs = 60_000;
const heartbeatMs = 120_000;

export interface RenewOptions {
  host: JournaledHost;
  emit: Emit;
  signal: AbortSignal;
  /** A bootstrap token of the cluster. */
  token: string;
  /** `host:port` of the API server; default: what this node knows. */
  endpoint: string | undefined;
  /** For tests. */
  connect?: (kubeconfig: string) => Promise<KubeClient>;
}

export interface Renewed {
  node: string;
  file: string;
  /** ISO time. */
  notAfter: string;
}

/**
 * Gets a node whose kubelet client certificate expired back: a new key and a certificate for it by the rights of a bootstrap
 * token, put in the kubelet's place for it in one step, and a restart of the kubelet. Nothing else changes: pods go on.
 * The node's name and the cluster's CA are what this host has since it joined, so no other cluster is talked to.
 * Errors: E_USAGE (an endpoint that is none), E_EDGE_NODE (no node, no heartbeat), E_KUBE_API (token refused, API server not reached), E_HOST_WRITE.
 */
export async function renewKubelet(options: RenewOptions): Promise<Renewed> {
  const { host, emit, signal, token } = options;
  const progress = (step: string): void => emit({ type: 'progress', step });
  const connect = options.connect ?? connectTo;
  const ca = await host.readText(caFile);
  const nodeName = await readNodeName(host);
  if (ca === undefined || nodeName === undefined) {
    throw new EdgeadmError(
      'E_EDGE_NODE',
      `this host has not joined a cluster: ${current} or ${caFile} is not there`,
      {
        hint: 'Run it on the node itself; a host that never joined needs `edgeadm join`.',
      },
    );
  }
  const server = options.endpoint ? await serverAt(options.endpoint) : await serverOf(host);
  progress(`ask ${server} for a certificate`);
  const { kubeconfigDocument } = await import('../../src/kube/kubeconfig-document.ts');
  // JSON is YAML.
  const as = (credentials: KubeconfigFacts['credentials']): Promise<KubeClient> =>
    connect(JSON.stringify(kubeconfigDocument({ server, ca, user: 'kubelet', credentials })));
  const kube = await as({ token });
  const { orderCertificate } = await import('../../src/edge/node/serving-certificate/order.ts');
  const pem = await orderCertificate({
    kind: 'client',
    nodeName,
    names: { dns: [], ip: [] },
    send: (method, path, body, asked) => kube.request(method, path, body, asked ? { signal: asked } : {}),
    signal,
    timeoutMs: approvalMs,
    pollMs: 500,
    onSent: (name) => emit({ type: 'log', level: 1, message: `asked for it with the request ${name}` }),
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw refused(cause, server);
  });
  const { validToDate } = new X509Certificate(pem);
  const file = join(dirname(current), `kubelet-client-${stamp(new Date())}.pem`);
  progress('put the certificate in place');
  await host.writeFile(file, pem, { mode: 0o600, secret: true });
  await host.symlink(file, current);
  await restart(options, progress);
  await waitForHeartbeat(await as({ certificate: pem, key: pem }), nodeName, { signal, progress });
  return { node: nodeName, file, notAfter: validToDate.toISOString() };
}

async function restart({ host }: RenewOptions, progress: (step: string) => void): Promise<void> {
  if (await host.stat(join(paths.units, liteApiserverUnit))) {
    const serving = await host.readText(join(paths.liteApiserver, 'pki/serving.pem'));
    if (serving === undefined || new X509Certificate(serving).validToDate < new Date()) {
      // It asks for a new one by itself, but later each time that it was refused.
      progress('restart the node-local API proxy, whose certificate expired too');
      await host.enableUnit(liteApiserverUnit, { restart: true });
    }
  }
  progress('restart the kubelet');
  await host.enableUnit('kubelet.service', { restart: true });
}

/** From the certificate, expired or not; where it is lost, from what the kubelet's kubeconfig calls its user. */
async function readNodeName(host: JournaledHost): Promise<string | undefined> {
  const name = /\bsystem:node:([a-z0-9.-]+)/;
  const text = await host.readText(current);
  try {
    if (text !== undefined) return name.exec(new X509Certificate(text).subject)?.[1];
  } catch {
    // A file that was cut short is what this is run for, too.
  }
  return name.exec((await host.readText(paths.kubeletConf)) ?? '')?.[1];
}

async function serverAt(endpoint: string): Promise<string> {
  const { checkEndpoint } = await import('../../src/config/validate/values.ts');
  const refuse = (path: string, message: string, { hint }: { hint?: string } = {}): never => {
    throw new EdgeadmError('E_USAGE', `${path}: ${message}`, hint === undefined ? {} : { hint });
  };
  checkEndpoint(refuse, 'endpoint', endpoint, true);
  return `https://${endpoint}`;
}

/** Where the API server is: behind the node-local proxy, its configuration says so, else the kubelet's kubeconfig. */
async function serverOf(host: JournaledHost): Promise<string> {
  const [server] = await upstreamServers(host);
  if (server) return server;
  const { endpointOf } = await import('../../src/kube/kubeconfig.ts');
  return `https://${endpointOf((await host.readText(paths.kubeletConf)) ?? '', paths.kubeletConf)}`;
}

async function connectTo(text: string): Promise<KubeClient> {
  const { connect } = await import('../../src/kube/client.ts');
  return connect({ kubeconfig: text, timeoutMs: 15_000 });
}

function refused(cause: unknown, server: string): EdgeadmError {
  const text = (cause as Error).message;
  return new EdgeadmError('E_KUBE_API', `${server} gave no certificate: ${text}`, {
    hint: 'Make a new token on a control-plane node (`edgeadm token create`; one lives 24 h), and see that the clock of this node is right (`date`).',
    cause,
  });
}

/** As the kubelet names its files: 2026-11-23-06-45-10 (k8s.io/client-go/util/certificate, FileStore). */
const stamp = (date: Date): string => date.toISOString().slice(0, 19).replace(/[T:]/g, '-');

async function waitForHeartbeat(
  kube: KubeClient,
  nodeName: string,
  { signal, progress }: { signal: AbortSignal; progress: (step: string) => void },
): Promise<void> {
  progress("wait for the kubelet's heartbeat");
  try {
    await waitForLease(kube, nodeName, { since: Date.now(), timeoutMs: heartbeatMs, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new EdgeadmError(
      'E_EDGE_NODE',
      `the certificate is renewed, and the kubelet gave no sign within ${heartbeatMs / 1000} s: ${(cause as Error).message}`,
      { hint: 'See `journalctl -u kubelet` and `journalctl -u edgeadm-lite-apiserver`.', cause },
    );
  }
}
