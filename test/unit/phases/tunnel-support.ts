import { createInitContext, type InitContext } from '../../../phases/init/context.ts';
import { certificatesAnnotation, tunnelServerManifest } from '../../../phases/node/tunnel-server.ts';
import { tunnel } from '../../../src/config/tunnel.ts';
import type { InitSettings, KubeDocument } from '../../../src/config/types.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { paths } from '../../../src/host/paths.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { createCertificate } from '../../fakes/pki.ts';
import { initSettings } from '../checks/support.ts';

export const { signal } = new AbortController();
export const run: PhaseRun = { signal, emit() {}, progress() {} };
export const machine = {
  hostname: 'node-1',
  arch: 'amd64',
  cgroupVersion: 2,
  canLowerOomScore: true,
} as const;
const ten = new Date(Date.now() + 10 * 365 * 86_400_000);
export const ca = createCertificate({ commonName: 'kubernetes', ca: true, notAfter: ten });
export const apiNames = ['kubernetes', 'node-1', '10.96.0.1', '192.168.7.100', '192.168.7.20'];
const apiServer = createCertificate({ commonName: 'kube-apiserver', names: apiNames, issuer: ca });
export const local = 'https://192.168.7.20:6443';

/** A control-plane node as kubeadm leaves it. */
export function controlPlane({
  egress = tunnel.egressFile as string,
  ...files
}: Record<string, string> = {}): FakeHost {
  return new FakeHost({
    files: {
      [`${paths.manifests}/kube-apiserver.yaml`]: [
        '    - --client-ca-file=/etc/kubernetes/pki/ca.crt',
        ...(egress ? [`    - --egress-selector-config-file=${egress}`] : []),
        '',
      ].join('\n'),
      [`${paths.pki}/ca.crt`]: ca.cert,
      [`${paths.pki}/ca.key`]: ca.key,
      [`${paths.pki}/apiserver.crt`]: apiServer.cert,
      [`${paths.kubernetes}/controller-manager.conf`]: `clusters:\n- cluster:\n    server: ${local}\n`,
      [paths.adminConf]: 'clusters:\n- cluster:\n    server: https://192.168.7.100:6443\n',
      ...files,
    },
  });
}

export function initContext(host: FakeHost, change: Partial<InitSettings> = {}): InitContext {
  return createInitContext(initSettings(change), { host, emit: host.emit, signal, machine });
}

export const edge = initSettings().edge;
export const off = { ...edge, addons: { tunnel: { enabled: false, settings: {} } } };
export const podOf = (host: FakeHost) => {
  const [pod] = parseYaml({ text: host.files[tunnelServerManifest]!, path: 'pod' }) as KubeDocument[];
  const { containers } = pod!.spec as { containers: { args: string[]; image: string }[] };
  const { annotations } = pod!.metadata as { annotations: Record<string, string> };
  return { ...containers[0]!, certificates: annotations[certificatesAnnotation] };
};
