import { findDocument } from '../../src/config/documents.ts';
import { type Check, type NodeSettings, warning } from './check.ts';
import { readUnits } from './units.ts';

const systemdResolved = '/run/systemd/resolve/resolv.conf';

/**
 * The name servers that pods (and with them CoreDNS) inherit. kubeadm takes systemd-resolved's own list when that
 * service runs (app/componentconfigs/kubelet.go).
 */
export const resolvConf: Check<NodeSettings> = {
  name: 'ResolvConf',
  async run(host, settings, { signal }) {
    const chosen = findDocument(settings.documents, 'KubeletConfiguration')?.resolvConf;
    const [resolved] = await readUnits(host, ['systemd-resolved.service'], signal);
    const path =
      typeof chosen === 'string' ? chosen : resolved?.active ? systemdResolved : '/etc/resolv.conf';
    const text = await host.readText(path);
    const example =
      'Write a file with `nameserver ADDRESS` lines and name it as resolvConf in a KubeletConfiguration.';
    if (text === undefined)
      return [warning(`there is no ${path}, and pods that inherit it do not start`, example)];
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address!);
    if (servers.length === 0) {
      return [
        warning(`${path} names no name server: CoreDNS will not forward names outside the cluster`, example),
      ];
    }
    const loops = servers.filter((address) => /^(127\.|::1$)/.test(address));
    if (loops.length === 0) return [];
    const message = `${path} names ${loops.join(', ')}, which in a pod is the pod itself: CoreDNS ends with "Loop detected"`;
    return [warning(message, example)];
  },
};
