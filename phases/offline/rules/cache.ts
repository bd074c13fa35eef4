import { finding, type OfflineFinding } from '../catalogue.ts';
import type { OfflineFacts } from '../facts.ts';

/** What a kubelet must have read as a whole before it starts any pod. */
const neededByKubelet = ['nodes', 'pods', 'services'];
/** What others on the node live on; each that reads it must have read it whole. */
const neededWhenRead = ['services', 'endpointslices.discovery.k8s.io', 'nodes', 'namespaces'];

/** The node-local API proxy and what it remembers. */
export function cacheFindings({
  proxy,
  kubeletServer,
  node,
  edgeLink,
}: Pick<OfflineFacts, 'proxy' | 'kubeletServer' | 'node' | 'edgeLink'>): OfflineFinding[] {
  const bypassed = bypassFinding(kubeletServer, edgeLink?.wanted ?? []);
  if (!proxy) {
    return [
      finding(
        'ProxyNotRunning',
        'the node-local API proxy does not answer: offline nothing is told to the kubelet',
        'systemctl enable --now edgeadm-lite-apiserver; journalctl -u edgeadm-lite-apiserver',
      ),
      ...bypassed,
    ];
  }
  const findings = [...bypassed];
  if (proxy.cache.problem !== '') {
    const fix = 'Free space on the disk of /var/lib/edgeadm, and see that it can be written.';
    findings.push(finding('CacheNotWritten', `the cache could not be written: ${proxy.cache.problem}`, fix));
  }
  const own = `node:${node}`;
  const incomplete = [
    ...neededByKubelet
      .filter(
        (resource) =>
          !proxy.resources.some(
            (each) => each.identity === own && each.resource === resource && each.complete,
          ),
      )
      .map((resource) => `${resource} for the kubelet`),
    ...proxy.resources
      .filter(
        ({ identity, resource, complete }) =>
          identity !== own && !complete && neededWhenRead.includes(resource),
      )
      .map(({ identity, resource }) => `${resource} for ${identity.replace(/^user:[0-9a-f]*:/, '')}`),
  ];
  if (incomplete.length > 0) {
    const fix = proxy.online
      ? 'Wait until they were read (some seconds after a start), and check again.'
      : 'The link must be back once: what was never read cannot be told.';
    findings.push(
      finding('CacheIncomplete', `not read as a whole: ${[...new Set(incomplete)].join(', ')}`, fix),
    );
  }
  return findings;
}

function bypassFinding(server: string, addresses: readonly string[]): OfflineFinding[] {
  const host = URL.canParse(server) ? new URL(server).hostname.replace(/^\[|\]$/g, '') : '';
  if (['127.0.0.1', 'localhost', '::1', ...addresses].includes(host)) return [];
  return [
    finding(
      'ProxyBypassed',
      `the kubelet talks to ${server || 'no server'}, not to the node-local API proxy`,
      'Turn it to the proxy: `edgeadm join phase edge-kubelet`.',
    ),
  ];
}
