import { isIP } from 'node:net';
import { localApiPort } from '../../config/edge-node.ts';
import { EdgeadmError } from '../../errors.ts';
import { edgeLink as ownLink } from '../../host/network/names.ts';
import { paths } from '../../host/paths.ts';
import { defaultHealthPort } from '../health/protocol.ts';
import { defaultStatusSocket } from './status-client.ts';

/** Where the proxy listens. */
export interface ListenAddress {
  host: string;
  port: number;
}

/** `apiVersion: edgeadm.superedge.io/v1alpha1, kind: LiteApiserverConfiguration`, defaults filled in. docs/lite-apiserver.md lists every field. */
export interface LiteApiserverConfig {
  nodeName: string;
  upstream: {
    /** Base URLs of API servers, tried in turn; `https` only. */
    servers: string[];
    caFile: string;
    /** The kubelet's client certificate and key; one file may hold both. */
    clientCertificateFile: string;
    clientKeyFile: string;
  };
  /** Link that the process makes for addresses of its own; undefined: somebody else does. */
  edgeLink: { name: string; addresses: string[]; routes: string[] } | undefined;
  listen: ListenAddress[];
  serving: {
    certificateFile: string;
    /** May be the same file, which then is replaced in one step. */
    keyFile: string;
    /** What the process asks a certificate of the cluster for, and renews; undefined: the files are somebody else's. */
    request: { names: string[]; addresses: string[] } | undefined;
  };
  /** Verifies client certificates of local callers. Empty: none is accepted. */
  clientCaFile: string;
  cache: {
    directory: string;
    flushIntervalMs: number;
    /** Database size beyond which only the node's own reads are still added. */
    maxBytes: number;
    /** A single list larger than this is forwarded and not kept. */
    maxListBytes: number;
    /** Days online without use after which an entry is dropped. */
    unusedDays: number;
    /** Resources never kept, as `events` or `leases.coordination.k8s.io`. */
    uncached: string[];
  };
  link: { probeIntervalMs: number; probeTimeoutMs: number; misses: number; resumeJitterMs: number };
  offline: { retryAfterSeconds: number };
  filters: {
    /** Rewrites the endpoints of `default/kubernetes` for these users; undefined: off. */
    kubernetesService: { address: string; port: number; users: string[] } | undefined;
  };
  /** Health of the nodes of a site; undefined: off. */
  health:
    | {
        /** Where peers are answered and asked. */
        port: number;
        /** Where the peers are kept for a start without the cloud. */
        peersFile: string;
      }
    | undefined;
  /** Unix socket, root only, for status and metrics. Empty: none. */
  statusSocket: string;
}

const churn = [
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'componentstatuses',
  'podmetrics.metrics.k8s.io',
  'nodemetrics.metrics.k8s.io',
];

type Shape = { [field: string]: Shape | 'string' | 'number' | 'strings' };

const shape: Shape = {
  apiVersion: 'string',
  kind: 'string',
  nodeName: 'string',
  upstream: {
    servers: 'strings',
    caFile: 'string',
    clientCertificateFile: 'string',
    clientKeyFile: 'string',
  },
  edgeLink: { name: 'string', addresses: 'strings', routes: 'strings' },
  listen: { addresses: 'strings', port: 'number' },
  serving: {
    certificateFile: 'string',
    keyFile: 'string',
    request: { names: 'strings', addresses: 'strings' },
  },
  clientCaFile: 'string',
  cache: {
    directory: 'string',
    flushIntervalMs: 'number',
    maxBytes: 'number',
    maxListBytes: 'number',
    unusedDays: 'number',
    uncached: 'strings',
  },
  link: { probeIntervalMs: 'number', probeTimeoutMs: 'number', misses: 'number', resumeJitterMs: 'number' },
  offline: { retryAfterSeconds: 'number' },
  filters: { kubernetesService: { address: 'string', port: 'number', users: 'strings' } },
  health: { port: 'number', peersFile: 'string' },
  statusSocket: 'string',
};

type Fields = Record<string, unknown>;
const text = (value: unknown, fallback: string): string => (value as string | undefined) ?? fallback;
const count = (value: unknown, fallback: number): number => (value as number | undefined) ?? fallback;
const texts = (value: unknown, fallback: string[]): string[] => (value as string[] | undefined) ?? fallback;

/**
 * Checks a parsed document and fills in defaults.
 * Errors: E_CONFIG_FIELD for a field that does not exist, E_CONFIG_INVALID for a value that is not valid.
 */
export function toConfig(document: unknown): LiteApiserverConfig {
  check(document, shape, '');
  const root = document as Fields;
  const at = (name: string) => (root[name] ?? {}) as Fields;
  const { upstream, listen, serving, cache, link, offline, filters } = {
    ...{ upstream: at('upstream'), listen: at('listen'), serving: at('serving'), cache: at('cache') },
    ...{ link: at('link'), offline: at('offline'), filters: at('filters') },
  };
  const port = count(listen.port, localApiPort);
  const certificate = text(upstream.clientCertificateFile, paths.kubeletClient);
  const caFile = text(upstream.caFile, `${paths.pki}/ca.crt`);
  const service = filters.kubernetesService as Fields | undefined;
  const health = root.health as Fields | undefined;
  const edgeLink = root.edgeLink as Fields | undefined;
  const servingFile = text(serving.certificateFile, `${paths.liteApiserver}/pki/serving.pem`);
  const request = serving.request as Fields | undefined;
  const config: LiteApiserverConfig = {
    nodeName: text(root.nodeName, ''),
    upstream: {
      servers: texts(upstream.servers, []).map((server) => server.replace(/\/+$/, '')),
      caFile,
      clientCertificateFile: certificate,
      clientKeyFile: text(upstream.clientKeyFile, certificate),
    },
    listen: texts(listen.addresses, ['169.254.20.11', '127.0.0.1']).map((address) =>
      toAddress(address, port),
    ),
    edgeLink: edgeLink && {
      name: text(edgeLink.name, ownLink),
      addresses: texts(edgeLink.addresses, []),
      routes: texts(edgeLink.routes, []),
    },
    serving: {
      certificateFile: servingFile,
      keyFile: text(serving.keyFile, servingFile),
      request: request && { names: texts(request.names, []), addresses: texts(request.addresses, []) },
    },
    clientCaFile: text(root.clientCaFile, caFile),
    cache: {
      directory: text(cache.directory, `${paths.liteApiserver}/cache`),
      flushIntervalMs: count(cache.flushIntervalMs, 2000),
      maxBytes: count(cache.maxBytes, 256 << 20),
      maxListBytes: count(cache.maxListBytes, 32 << 20),
      unusedDays: count(cache.unusedDays, 7),
      uncached: texts(cache.uncached, churn),
    },
    link: {
      probeIntervalMs: count(link.probeIntervalMs, 1500),
      probeTimeoutMs: count(link.probeTimeoutMs, 2000),
      misses: count(link.misses, 2),
      resumeJitterMs: count(link.resumeJitterMs, 5000),
    },
    offline: { retryAfterSeconds: count(offline.retryAfterSeconds, 5) },
    filters: {
      kubernetesService: service && {
        address: text(service.address, '169.254.20.11'),
        port: count(service.port, port),
        users: texts(service.users, ['system:serviceaccount:kube-system:kube-proxy']),
      },
    },
    health: health && {
      port: count(health.port, defaultHealthPort),
      peersFile: text(health.peersFile, `${paths.liteApiserver}/peers.json`),
    },
    statusSocket: text(root.statusSocket, defaultStatusSocket),
  };
  validate(config);
  return config;
}

function validate(config: LiteApiserverConfig): void {
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(config.nodeName))
    throw invalid('nodeName', config.nodeName, 'give the name of this node');
  if (config.upstream.servers.length === 0)
    throw invalid('upstream.servers', '', 'give the URL of the API server');
  for (const server of config.upstream.servers) {
    if (!URL.canParse(server) || !server.startsWith('https://'))
      throw invalid('upstream.servers', server, 'give an https:// URL');
  }
  if (config.listen.length === 0) throw invalid('listen.addresses', '', 'give at least one address');
  const { filters, edgeLink, serving, health, link } = config;
  for (const [place, port] of [
    ['filters.kubernetesService.port', filters.kubernetesService?.port],
    ['health.port', health?.port],
  ] as const) {
    if (port !== undefined && (port < 1 || port > 65535)) throw invalid(place, port, 'give 1 to 65535');
  }
  // Without a pause it would ask the API server all the time.
  for (const name of ['probeIntervalMs', 'probeTimeoutMs', 'misses'] as const) {
    if (link[name] < 1) throw invalid(`link.${name}`, link[name], 'give 1 or more');
  }
  for (const [place, addresses] of [
    ['edgeLink.addresses', edgeLink?.addresses],
    ['serving.request.addresses', serving.request?.addresses],
  ] as const) {
    const wrong = addresses?.find((address) => isIP(address) === 0);
    if (wrong !== undefined) throw invalid(place, wrong, 'give IP addresses');
  }
  if (edgeLink && !/^[^\s/:]{1,15}$/.test(edgeLink.name))
    throw invalid('edgeLink.name', edgeLink.name, 'give the name of a link');
  if (serving.request && serving.keyFile !== serving.certificateFile)
    throw invalid('serving.keyFile', serving.keyFile, 'leave it out: what is renewed is one file');
  if (filters.kubernetesService && isIP(filters.kubernetesService.address) === 0) {
    throw invalid(
      'filters.kubernetesService.address',
      filters.kubernetesService.address,
      'give an IP address',
    );
  }
}

/** `10.96.0.1`, `10.96.0.1:443`, `::1`, `[::1]:443`. */
function toAddress(address: string, port: number): ListenAddress {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(address);
  const plain = isIP(address) ? null : /^([^:]+):(\d+)$/.exec(address);
  const host = bracketed?.[1] ?? plain?.[1] ?? address;
  const own = bracketed?.[2] ?? plain?.[2];
  const number = own === undefined ? port : Number(own);
  if (isIP(host) === 0 || number < 0 || number > 65535)
    throw invalid('listen.addresses', address, 'give IP or IP:port');
  return { host, port: number };
}

function check(value: unknown, expected: Shape, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(path || 'the document', value, 'give a mapping');
  for (const [name, field] of Object.entries(value)) {
    const place = path === '' ? name : `${path}.${name}`;
    const type = Object.hasOwn(expected, name) ? expected[name] : undefined;
    if (type === undefined) {
      throw new EdgeadmError(
        'E_CONFIG_FIELD',
        `lite-apiserver configuration: field ${place} does not exist`,
        {
          hint: `Fields here are: ${Object.keys(expected).join(', ')}.`,
        },
      );
    }
    if (field === undefined || field === null) continue;
    if (typeof type === 'object') check(field, type, place);
    else if (type === 'strings') {
      if (!Array.isArray(field) || !field.every((item) => typeof item === 'string'))
        throw invalid(place, field, 'give a list of texts');
    } else if (
      typeof field !== type ||
      (type === 'number' && !(Number.isSafeInteger(field) && (field as number) >= 0))
    ) {
      throw invalid(place, field, type === 'number' ? 'give a whole number' : 'give a text');
    }
  }
}

function invalid(place: string, value: unknown, advice: string): EdgeadmError {
  return new EdgeadmError(
    'E_CONFIG_INVALID',
    `lite-apiserver configuration: ${place}: ${JSON.stringify(value)} is not valid`,
    {
      hint: `In the file given with --config, ${advice}.`,
    },
  );
}

/**
 * Reads a configuration file, JSON or YAML.
 * Errors: E_CONFIG_INVALID when it cannot be read, E_CONFIG_YAML when it is no YAML.
 */
export async function readConfig(file: string): Promise<LiteApiserverConfig> {
  const { readFile } = await import('node:fs/promises');
  const content = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new EdgeadmError('E_CONFIG_INVALID', `--config: ${file} cannot be read (${cause.code})`, {
      hint: 'Give the path of the file that `edgeadm join` wrote for this node.',
      cause,
    });
  });
  if (content.trimStart().startsWith('{')) {
    try {
      return toConfig(JSON.parse(content));
    } catch (thrown) {
      if (thrown instanceof EdgeadmError) throw thrown;
    }
  }
  const { load } = await import('js-yaml');
  let document: unknown;
  try {
    document = load(content);
  } catch (cause) {
    throw new EdgeadmError('E_CONFIG_YAML', `${file}: ${(cause as Error).message.split('\n')[0]}`, {
      hint: 'Correct the file at the place named.',
      cause,
    });
  }
  return toConfig(document);
}
