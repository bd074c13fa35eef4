import { textAt } from '../config/fields.ts';
import { clusterInfoOf, parseCluster } from './cluster-info.ts';
import { deadline, pause } from './deadline.ts';
import { DiscoveryError } from './discovery-error.ts';
import { createSession, type DiscoveryOptions, type Session } from './discovery-session.ts';
import { signatureIsValid } from './jws.ts';
import { readCertificates } from './pki.ts';

export type { DiscoveryOptions };

export interface TokenDiscovery extends DiscoveryOptions {
  /** `host:port`, IPv6 in brackets. */
  endpoint: string;
  token: string;
  /** `sha256:<hex>` of the authority's public key; empty: the signature alone is trusted. */
  caCertHashes: readonly string[];
}

/** A cluster that was found and can be trusted. */
export interface Cluster {
  /** URL that nodes are to use, as the cluster itself says. */
  server: string;
  /** PEM of the cluster's authority; undefined: those of the system. */
  ca: string | undefined;
  /** The API server's clock less this host's, in milliseconds; good to about a second. */
  clockSkewMs: number;
  /** `v1.36.3`, or undefined when the API server does not say. */
  kubernetesVersion: string | undefined;
}

const path = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
/** A token made a moment ago has no signature yet: the cluster's bootstrapsigner adds it. */
const signatureGraceMs = 10_000;

/**
 * Finds a cluster by bootstrap token, as kubeadm join does (cmd/kubeadm/app/discovery/token): cluster-info without
 * trusting the connection, its signature checked with the token, the authority in it checked against the pinned hashes, then
 * the same again over TLS verified with that authority.
 * Errors: DiscoveryError (E_DISCOVERY) with a reason.
 */
export async function discoverByToken(options: TokenDiscovery): Promise<Cluster> {
  return discover(createSession(options.endpoint, options), async (session) => {
    const id = options.token.slice(0, 6);
    const info = await signedClusterInfo(session, id);
    if (!signatureIsValid(info.signature, info.kubeconfig, options.token)) {
      throw new DiscoveryError(
        'signature',
        `the cluster at ${options.endpoint} signed its data with another secret for token id ${id}`,
        {
          hint: 'The secret half of the token is wrong, or this is not the cluster that made it. `edgeadm token create --print-join-command` on the control plane prints a new one.',
        },
      );
    }
    const cluster = await parseCluster(info.kubeconfig, options.endpoint);
    if (options.caCertHashes.length > 0) checkPins(cluster.ca, options.caCertHashes, options.endpoint);
    const again = await session.trusted(path, cluster.ca);
    if (clusterInfoOf(again, options.endpoint).kubeconfig !== info.kubeconfig) {
      throw new DiscoveryError(
        'certificate',
        `${options.endpoint} gave two different answers, with TLS verified and without`,
        {
          hint: 'Something between this host and the control plane answers in its place, or the cluster is being changed: try again.',
        },
      );
    }
    return cluster;
  });
}

/**
 * Finds a cluster by a kubeconfig (`--discovery-file`): its authority vouches for the connection. Errors: DiscoveryError.
 */
export async function discoverByKubeconfig(
  kubeconfig: string,
  options: DiscoveryOptions = {},
): Promise<Cluster> {
  const cluster = await parseCluster(kubeconfig, 'the discovery file');
  return discover(createSession(new URL(cluster.server).host, options), async (session) => {
    const answer = await session.trusted(path, cluster.ca);
    // Whoever made the file may keep cluster-info private; that TLS was verified is enough.
    if (answer.status >= 400 && answer.status !== 403 && answer.status !== 401)
      clusterInfoOf(answer, cluster.server);
    return cluster;
  });
}

/** Adds to a cluster what its API server says of itself, and the clock to whatever goes wrong. */
async function discover(
  session: Session,
  find: (session: Session) => Promise<Pick<Cluster, 'server' | 'ca'>>,
): Promise<Cluster> {
  try {
    const cluster = await find(session);
    const kubernetesVersion = await session.version(cluster.ca);
    return { ...cluster, clockSkewMs: session.skewMs(), kubernetesVersion };
  } catch (error) {
    if (error instanceof DiscoveryError) error.clockSkewMs = session.skewMs();
    throw error;
  }
}

/** Whether a Node of that name is there, asked with a bootstrap token (ClusterRole kubeadm:get-nodes allows it). */
export async function nodeState(
  cluster: Pick<Cluster, 'server' | 'ca'>,
  name: string,
  token: string,
  options: DiscoveryOptions = {},
): Promise<'absent' | 'ready' | 'not-ready' | 'unknown'> {
  const session = createSession(new URL(cluster.server).host, options);
  const answer = await session.trusted(`/api/v1/nodes/${encodeURIComponent(name)}`, cluster.ca, token);
  if (answer.status === 404) return 'absent';
  if (answer.status !== 200) return 'unknown';
  const node = JSON.parse(answer.text) as { status?: { conditions?: { type: string; status: string }[] } };
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? 'ready' : 'not-ready';
}

async function signedClusterInfo(
  session: Session,
  id: string,
): Promise<{ kubeconfig: string; signature: string }> {
  const grace = deadline(Math.min(signatureGraceMs, session.until.remainingMs()));
  for (;;) {
    const info = clusterInfoOf(await session.untrusted(path), session.endpoint);
    const signature = info.signatures.get(id);
    if (signature) return { kubeconfig: info.kubeconfig, signature };
    // A cluster that signed nothing yet was made just now.
    const expired = info.signatures.size > 0 ? grace.expired() : session.until.expired();
    if (expired) {
      throw new DiscoveryError(
        'token',
        `the cluster at ${session.endpoint} does not know the token with id ${id}: it expired or never was`,
        {
          hint: '`edgeadm token create --print-join-command` on the control plane prints a join command with a new token.',
        },
      );
    }
    await pause(500, session.until, session.signal);
  }
}

function checkPins(ca: string | undefined, pins: readonly string[], endpoint: string): void {
  const found = ca ? readCertificates(ca).map(({ publicKeyHash }) => publicKeyHash) : [];
  const wanted = pins.map((pin) => pin.toLowerCase());
  if (found.some((hash) => wanted.includes(hash))) return;
  throw new DiscoveryError(
    'ca-hash',
    `the authority of the cluster at ${endpoint} has the hash ${found.join(', ') || 'of no certificate'}, not ${pins.join(', ')}`,
    {
      hint: 'Compare with the join command that the control plane prints (`edgeadm token create --print-join-command`). If it is the same as above, this is another cluster, or something answers in its place.',
    },
  );
}

/**
 * Pod and Service networks of a kubeadm cluster, asked with a bootstrap token (Role kubeadm:nodes-kubeadm-config allows it);
 * undefined when the cluster does not say.
 */
export async function clusterNetworks(
  cluster: Pick<Cluster, 'server' | 'ca'>,
  token: string,
  options: DiscoveryOptions = {},
): Promise<{ podSubnet: string; serviceSubnet: string } | undefined> {
  const session = createSession(new URL(cluster.server).host, options);
  const target = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config';
  const answer = await session.trusted(target, cluster.ca, token);
  if (answer.status !== 200) return undefined;
  const { data } = JSON.parse(answer.text) as { data?: Record<string, string> };
  const { parseYaml } = await import('../config/yaml.ts');
  const [document] = parseYaml({ text: data?.ClusterConfiguration ?? '{}', path: 'kubeadm-config' });
  return {
    podSubnet: textAt(document, 'networking.podSubnet') ?? '',
    serviceSubnet: textAt(document, 'networking.serviceSubnet') ?? '',
  };
}

/** A discovery file from an https URL, as `--discovery-file` allows; the system's authorities are trusted. Errors: DiscoveryError. */
export async function fetchKubeconfig(url: string, options: DiscoveryOptions = {}): Promise<string> {
  const { host, pathname, search } = new URL(url);
  const answer = await createSession(host, options).trusted(pathname + search, undefined);
  if (answer.status === 200) return answer.text;
  throw new DiscoveryError(
    'malformed',
    `the discovery file ${url} cannot be fetched: HTTP ${answer.status}`,
    {
      hint: 'Open the URL on this host, e.g. with curl, and compare.',
    },
  );
}
