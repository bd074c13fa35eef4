import type { OfflineFacts } from '../../../phases/offline/facts.ts';
import type { PodNeeds } from '../../../src/edge/lite-apiserver/pods/needs.ts';
import type { LiteApiserverStatus } from '../../../src/edge/lite-apiserver/status.ts';

export const day = 86_400_000;
export const noon = Date.UTC(2026, 10, 23, 12);

export function status(more: Partial<LiteApiserverStatus> = {}): LiteApiserverStatus {
  const read = (identity: string, resource: string, complete = true) => ({
    ...{ identity, resource, namespace: '', selector: '', complete, objects: 1, resourceVersion: '1' },
    ...{ syncedAt: '', live: true },
  });
  return {
    ...{ node: 'edge-1', online: true, since: '', reason: '', server: '', transitions: 0 },
    cache: {
      ...{ bytes: 1, collections: 4, entries: 1, tokens: 1, acceptedTokens: 1, writtenBytes: 1 },
      ...{ problem: '', setAside: '' },
    },
    resources: [
      ...['nodes', 'pods', 'services'].map((resource) => read('node:edge-1', resource)),
      read('user:abc:system:serviceaccount:kube-system:kube-proxy', 'endpointslices.discovery.k8s.io'),
    ],
    certificates: [],
    clock: { problem: '', confirmedAt: '' },
    peers: [],
    memory: { rssBytes: 1 },
    ...more,
  };
}

export const pod = (more: Partial<PodNeeds> = {}): PodNeeds => ({
  ...{ namespace: 'default', name: 'web', inputs: [], tokens: [], volumes: [] },
  images: [{ image: 'registry.example/web:1', pullPolicy: 'IfNotPresent' }],
  ...more,
});

/** Of a node that joined today and lacks nothing. */
export function healthy(more: Partial<OfflineFacts> = {}): OfflineFacts {
  const unit = (name: string) => ({ name, installed: true, active: true, enabled: true, file: '' });
  const certificate = (role: 'kubelet-client' | 'lite-apiserver-serving' | 'cluster-ca', days: number) => ({
    ...{ role, file: `/${role}.pem`, notBefore: noon - 300_000, notAfter: noon + days * day },
  });
  return {
    node: 'edge-1',
    now: noon,
    certificates: [
      certificate('kubelet-client', 365),
      certificate('lite-apiserver-serving', 365.01),
      certificate('cluster-ca', 3650),
    ],
    kubeletServer: 'https://127.0.0.1:51003',
    proxy: status(),
    pods: [pod()],
    images: [
      { name: 'registry.example/web:1', pinned: true },
      { name: 'registry.k8s.io/pause:3.10', pinned: true },
    ],
    sandboxImage: 'registry.k8s.io/pause:3.10',
    units: ['containerd.service', 'kubelet.service', 'edgeadm-lite-apiserver.service'].map(unit),
    edgeLink: { wanted: ['169.254.20.11', '10.96.0.1'], present: ['169.254.20.11', '10.96.0.1', '10.0.0.2'] },
    hasDefaultRoute: true,
    clock: { confirmedAt: noon - 60_000, synchronised: true, hasHardwareClock: true },
    disks: [
      {
        ...{ device: '/dev/sda1', mount: '/', path: '/var/lib/kubelet' },
        ...{ bytes: 100e9, availableBytes: 50e9, inodes: 1000, availableInodes: 900 },
        reserved: { bytes: 3e9, inodes: 20 },
      },
    ],
    writtenPerHour: 10e6,
    unknown: [],
    ...more,
  };
}
