import { join } from 'node:path';
import { localApiAddresses, localApiNames, localApiPort } from '../../src/config/edge-node.ts';
import type { KubeDocument } from '../../src/config/types.ts';
import { defaultHealthPort } from '../../src/edge/health/protocol.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';

export const liteApiserverUnit = 'edgeadm-lite-apiserver.service';

/** What keeps Node.js small; docs/lite-apiserver.md says what each is for. */
export const liteApiserverNodeOptions =
  '--max-semi-space-size=1 --max-old-space-size=256 --v8-pool-size=1 --use-openssl-ca --disable-warning=ExperimentalWarning';
/** Those that Node.js does not take from NODE_OPTIONS: the launcher gives them. */
export const liteApiserverNodeFlags = '--optimize-for-size --max-lazy --no-opt --no-concurrent-recompilation';

/** The unit of an edge node's own process. */
export const liteApiserverUnitText = `[Unit]
Description=edgeadm lite-apiserver: the node-local API proxy
Documentation=https://github.com/superedge/edgeadm
Before=kubelet.service
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart=${paths.bin}/edgeadm lite-apiserver --config ${paths.liteApiserverConfig} -v=1
Environment="NODE_OPTIONS=${liteApiserverNodeOptions}"
Environment="EDGEADM_NODE_FLAGS=${liteApiserverNodeFlags}"
Environment=MALLOC_ARENA_MAX=1
Environment=MALLOC_MMAP_THRESHOLD_=49152
Environment=MALLOC_TRIM_THRESHOLD_=65536
Environment=MALLOC_TOP_PAD_=16384
RuntimeDirectory=edgeadm
RuntimeDirectoryMode=0700
Restart=always
RestartSec=1
UMask=0077
LimitNOFILE=20000

[Install]
WantedBy=multi-user.target
`;

/** URLs of API servers in the configuration of this host's node-local API proxy; none where it has no proxy. Errors: E_CONFIG_YAML. */
export async function upstreamServers(host: Host): Promise<string[]> {
  const path = paths.liteApiserverConfig;
  const text = await host.readText(path);
  if (!text) return [];
  const [{ parseYaml }, { textsAt }] = await Promise.all([
    import('../../src/config/yaml.ts'),
    import('../../src/config/fields.ts'),
  ]);
  return textsAt(parseYaml({ text, path })[0], 'upstream.servers');
}

export interface LiteApiserverFacts {
  nodeName: string;
  /** URLs of API servers. */
  servers: readonly string[];
  virtualAddress: string;
  /** Of the Service `kubernetes`. */
  service: { address: string; port: number };
  /** Networks of the cluster's Services. */
  serviceSubnets: readonly string[];
  dnsDomain: string;
  /** Whether the node watches over its peers (addon edge-health). */
  health: boolean;
}

/** The configuration document of an edge node's process; see docs/lite-apiserver.md. */
export function liteApiserverDocument(facts: LiteApiserverFacts): KubeDocument {
  const { nodeName, servers, virtualAddress, service, serviceSubnets, dnsDomain, health } = facts;
  const addresses = localApiAddresses(virtualAddress, service.address);
  const bracketed = service.address.includes(':') ? `[${service.address}]` : service.address;
  return {
    apiVersion: 'edgeadm.superedge.io/v1alpha1',
    kind: 'LiteApiserverConfiguration',
    nodeName,
    upstream: { servers: [...servers] },
    edgeLink: { addresses: [virtualAddress, service.address], routes: [...serviceSubnets] },
    listen: {
      addresses: [virtualAddress, '127.0.0.1', `${bracketed}:${service.port}`],
      port: localApiPort,
    },
    serving: {
      certificateFile: join(paths.liteApiserver, 'pki/serving.pem'),
      request: { names: localApiNames(dnsDomain), addresses },
    },
    cache: { directory: join(paths.liteApiserver, 'cache') },
    filters: { kubernetesService: { address: virtualAddress } },
    ...(health && {
      health: { port: defaultHealthPort, peersFile: join(paths.liteApiserver, 'peers.json') },
    }),
  };
}
