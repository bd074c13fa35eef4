import { closest, distance } from 'fastest-levenshtein';
import { parseAddress } from '../cidr.ts';
import { readEdgeHealthSettings } from '../edge-health.ts';
import { isFields } from '../fields.ts';
import { isDnsSubdomain } from '../names.ts';
import type { Problems, Report } from '../problems.ts';
import type { EdgeConfiguration, KubeDocument } from '../types.ts';
import {
  checkAbsolutePath,
  checkAddress,
  checkImageRepository,
  checkOneOf,
  checkPort,
  isPlaceholder,
} from './values.ts';

/** Faults of an EdgeConfiguration whose fields have the right types. `document` is what the user wrote, if anything. */
export function validateEdge(
  edge: EdgeConfiguration,
  {
    document,
    addonNames,
    problems,
  }: { document: KubeDocument | undefined; addonNames: readonly string[] | undefined; problems: Problems },
): void {
  const report = problems.of('EdgeConfiguration');
  checkVirtualAddress(report, edge.virtualAddress);
  checkAddons(report, document?.addons, addonNames);
  checkImages(report, edge);
  checkCni(report, edge);
  checkRuntime(report, edge);
  checkNodeSettings(report, edge);
  checkOneOf(report, 'ha.provider', edge.ha.provider, ['kube-vip', '']);
  checkLink(report, 'ha.interface', edge.ha.interface);
  checkPackage(report, edge);
}

function checkVirtualAddress(report: Report, text: string): void {
  const hint =
    'Choose an address from 169.254.0.0/16 that nothing else on the nodes has; the default is 169.254.20.11.';
  const address = parseAddress(text);
  if (!address) {
    report('virtualAddress', `"${text}" is not an IP address`, { hint });
  } else if (address.family !== 4 || address.value >> 16n !== 0xa9fen) {
    report('virtualAddress', `"${text}" is not link-local, so it could be another host's`, { hint });
  } else if ([0n, 255n].includes((address.value >> 8n) & 255n)) {
    report('virtualAddress', `"${text}" is reserved (RFC 3927)`, { hint });
  } else if (text === '169.254.169.254') {
    report('virtualAddress', `"${text}" is where clouds serve a machine's metadata`, { hint });
  }
}

function checkAddons(report: Report, addons: unknown, names: readonly string[] | undefined): void {
  for (const [name, value] of Object.entries(isFields(addons) ? addons : {})) {
    if (value !== null && typeof value !== 'boolean' && !isFields(value)) {
      report(`addons.${name}`, `${JSON.stringify(value)} is neither true, false nor a mapping of settings`, {
        hint: `Write \`${name}: false\` to leave it out.`,
      });
    }
    if (name === 'edge-health' && isFields(value)) checkEdgeHealth(report, value);
    if (names === undefined || names.includes(name)) continue;
    const near = closest(name, names);
    const hint =
      near && distance(name, near) <= 3 ? `Did you mean ${near}?` : `Known: ${names.join(', ') || 'none'}.`;
    report(`addons.${name}`, 'is not an addon', { code: 'E_CONFIG_FIELD', hint });
  }
}

function checkEdgeHealth(report: Report, value: unknown): void {
  for (const { field, unknown, message, hint } of readEdgeHealthSettings(value).faults) {
    report(`addons.edge-health.${field}`, message, {
      hint,
      ...(unknown && { code: 'E_CONFIG_FIELD' as const }),
    });
  }
}

function checkImages(report: Report, edge: EdgeConfiguration): void {
  checkImageRepository(report, 'images.edgeRepository', edge.images.edgeRepository);
  for (const [registry, mirrors] of Object.entries(edge.images.mirrors)) {
    const path = `images.mirrors.${registry}`;
    if (
      registry !== '_default' &&
      !/^(\[[\da-fA-F:]+\]|[a-zA-Z\d]([a-zA-Z\d.-]*[a-zA-Z\d])?)(:\d+)?$/.test(registry)
    ) {
      report(path, 'is not a registry host', {
        hint: 'Write host or host:port, e.g. registry.k8s.io; _default for all others.',
      });
    }
    for (const [index, mirror] of mirrors.entries()) {
      const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
      if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) continue;
      const reason =
        url?.username || url?.password ? 'the URL holds a user name or password' : `"${mirror}" is not a URL`;
      report(`${path}[${index}]`, reason, { hint: 'Write https://host[:port][/path].' });
    }
  }
}

function checkCni(report: Report, edge: EdgeConfiguration): void {
  checkOneOf(report, 'cni.name', edge.cni.name, ['flannel', 'none']);
  const { backend, vni, port, mtu, interface: link } = edge.cni.flannel;
  checkOneOf(report, 'cni.flannel.backend', backend, ['vxlan', 'host-gw']);
  checkPort(report, 'cni.flannel.port', port);
  if (vni !== undefined && (vni < 1 || vni >= 2 ** 24)) {
    report('cni.flannel.vni', `${vni} is not a VXLAN identifier`, {
      hint: 'Identifiers go from 1 to 16777215.',
    });
  }
  if (mtu !== undefined && (mtu < 576 || mtu > 65535)) {
    report('cni.flannel.mtu', `${mtu} is not an MTU`, {
      hint: 'Leave it out to take that of the link, or write 576 to 65535.',
    });
  }
  if (link !== undefined) checkLink(report, 'cni.flannel.interface', link);
}

function checkRuntime(report: Report, edge: EdgeConfiguration): void {
  const { name, dataRoot, snapshotter } = edge.runtime;
  if (name !== 'containerd') {
    const gone = (name as string) === 'docker' ? ': Kubernetes dropped it in 1.24' : '';
    report('runtime.name', `"${name}" cannot be installed${gone}`, {
      hint: 'Use containerd, or install a runtime yourself and give --ignore-runtime and --cri-socket.',
    });
  }
  checkAbsolutePath(report, 'runtime.dataRoot', dataRoot);
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(snapshotter)) {
    report('runtime.snapshotter', `"${snapshotter}" is not a snapshotter`, {
      hint: 'Write overlayfs or native.',
    });
  }
}

function checkNodeSettings(report: Report, edge: EdgeConfiguration): void {
  for (const [index, { ip, names }] of edge.node.hosts.entries()) {
    const path = `node.hosts[${index}]`;
    if (ip === undefined || !names?.length) {
      report(path, 'needs both ip and names', {
        hint: 'Write `- ip: 192.0.2.10` and `names: [api.example.org]`.',
      });
      continue;
    }
    checkAddress(report, `${path}.ip`, ip);
    for (const name of names) {
      if (isDnsSubdomain(name.toLowerCase())) continue;
      report(`${path}.names`, `"${name}" is not a host name`, {
        hint: 'Write a name such as api.example.org.',
      });
    }
  }
  for (const [key, value] of Object.entries(edge.node.sysctls)) {
    if (!/^[a-zA-Z0-9_-]+([./][a-zA-Z0-9_-]+)+$/.test(key)) {
      report(`node.sysctls.${key}`, 'is not the name of a sysctl', {
        hint: 'Write a name such as net.core.somaxconn.',
      });
    } else if (/[\n\r]/.test(value)) {
      report(`node.sysctls.${key}`, 'has a value of several lines', { hint: 'Write one line.' });
    }
  }
}

function checkLink(report: Report, path: string, name: string): void {
  if (name === '' || /^[^\s/:]{1,15}$/.test(name)) return;
  report(path, `"${name}" is not a network link`, { hint: 'Write a name as `ip link` shows it: eth0.' });
}

function checkPackage(report: Report, edge: EdgeConfiguration): void {
  for (const [field, example] of [
    ['path', '--install-pkg-path ./edgeadm.tar.zst'],
    ['publicKeyFile', '--package-public-key ./key.pub'],
  ] as const) {
    const value = edge.package[field];
    if (value === undefined || !isPlaceholder(value)) continue;
    report(`package.${field}`, `"${value}" still is a placeholder`, {
      hint: `Give a real file: ${example}`,
    });
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(edge.package.path)?.[1]?.toLowerCase();
  if (scheme !== undefined && !['http', 'https', 'file'].includes(scheme)) {
    report('package.path', `"${scheme}://" cannot be fetched`, {
      hint: 'Give a file, a folder or an https URL.',
    });
  }
}
