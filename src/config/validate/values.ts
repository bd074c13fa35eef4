import { addressFamily, type Cidr, parseCidr } from '../cidr.ts';
import { formatHostPort, isPort, parseHostPort } from '../hostport.ts';
import { isDnsPattern, isDnsSubdomain, isImageRepository, nodeNameFault, suggestNodeName } from '../names.ts';
import type { Report } from '../problems.ts';
import { certificateKeyFault, tokenFault } from '../token.ts';

/** Checks of single values. Each reports at `path` and takes undefined (a field that is not there) as fine. */

export function checkCidrs(report: Report, path: string, text: string | undefined): Cidr[] {
  if (text === undefined) return [];
  const cidrs: Cidr[] = [];
  for (const part of text.split(',')) {
    const result = parseCidr(part);
    if ('cidr' in result) {
      cidrs.push(result.cidr);
    } else {
      const hint = result.suggestion
        ? `Write ${result.suggestion}.`
        : 'Write an address and a prefix length: 10.244.0.0/16.';
      report(path, `"${part}" ${result.reason}`, { hint });
      return [];
    }
  }
  const families = new Set(cidrs.map(({ family }) => family));
  if (cidrs.length > 2 || families.size < cidrs.length) {
    report(path, `"${text}" is neither one CIDR nor an IPv4,IPv6 pair`, {
      hint: 'For two families write one CIDR of each: 10.244.0.0/16,fd00:10:244::/56.',
    });
    return [];
  }
  return cidrs;
}

export function checkAddress(report: Report, path: string, text: string | undefined): boolean {
  if (text === undefined) return true;
  if (addressFamily(text)) return true;
  const hint = text.includes('%')
    ? 'Leave the zone (%…) out and use an address that other nodes can reach.'
    : text.startsWith('[') || /^[\d.]+:\d+$/.test(text)
      ? 'Write the address alone, without brackets and port.'
      : 'Write an IPv4 address such as 192.0.2.10 or an IPv6 address such as 2001:db8::10.';
  report(path, `"${text}" is not an IP address`, { hint });
  return false;
}

/** An address that other nodes can be told: kubeadm wants a global unicast one, or lets itself choose (unspecified). */
export function checkAdvertiseAddress(report: Report, path: string, text: string | undefined): void {
  if (text === undefined || !checkAddress(report, path, text)) return;
  const kind = /^169\.254\.|^fe[89ab][0-9a-f]:/i.test(text)
    ? 'a link-local'
    : /^(22[4-9]|23\d)\.|^ff/i.test(text)
      ? 'a multicast'
      : text === '255.255.255.255'
        ? 'the broadcast'
        : undefined;
  if (kind === undefined) return;
  report(path, `"${text}" is ${kind} address, which other nodes cannot reach`, {
    hint: "Give the address of a link towards the other nodes, or leave it out for the default route's.",
  });
}

export function checkPort(report: Report, path: string, port: unknown): void {
  if (port === undefined || port === null || port === 0) return;
  if (typeof port === 'number' && isPort(port)) return;
  report(path, `${port} is not a port`, { hint: 'Ports go from 1 to 65535.' });
}

/** `host[:port]`; with `needsPort` the port must be there. */
export function checkEndpoint(
  report: Report,
  path: string,
  text: string | undefined,
  needsPort = false,
): void {
  if (text === undefined) return;
  const result = parseHostPort(text);
  if ('reason' in result) {
    const hint = result.suggestion
      ? `Write ${result.suggestion}.`
      : 'Write host:port, 192.0.2.10:6443 or [2001:db8::10]:6443.';
    report(path, `"${text}" ${result.reason}`, { hint });
  } else if (needsPort && result.endpoint.port === undefined) {
    report(path, `"${text}" has no port`, { hint: `Write ${formatHostPort(result.endpoint.host, 6443)}.` });
  }
}

export function checkNodeName(report: Report, path: string, name: string, fromHost: boolean): void {
  const fault = name === '' ? 'is not a node name' : nodeNameFault(name);
  if (fault === undefined) return;
  const better = suggestNodeName(name);
  const write = `--node-name ${better ?? 'NAME'}`;
  report(path, `"${name}" ${fault}`, {
    hint: fromHost
      ? `Give this node a name with ${write}, or rename the host.`
      : `Use a name such as ${better ?? 'edge-1'}.`,
  });
}

export function checkToken(report: Report, path: string, token: string | undefined): void {
  const fault = token === undefined ? undefined : tokenFault(token);
  if (fault) {
    report(path, `the token ${fault}`, {
      hint: 'A token is [a-z0-9]{6}.[a-z0-9]{16}; `edgeadm token generate` makes one, `edgeadm token create --print-join-command` shows a valid one.',
    });
  }
}

export function checkCertificateKey(report: Report, path: string, key: string | undefined): void {
  const fault = key === undefined ? undefined : certificateKeyFault(key);
  if (fault) {
    report(path, `the certificate key ${fault}`, {
      hint: 'A key is 64 hex digits; `edgeadm init phase upload-certs --upload-certs` on a control-plane node prints a new one.',
    });
  }
}

export function checkImageRepository(report: Report, path: string, text: string | undefined): void {
  if (text === undefined || isImageRepository(text)) return;
  const bare = text.replace(/^[a-z]+:\/\//i, '').replace(/\/+$/, '');
  const hint =
    bare !== text && isImageRepository(bare)
      ? `Write ${bare}.`
      : 'Write registry[:port]/path without scheme, tag and image name.';
  report(path, `"${text}" is not an image repository`, { hint });
}

export function checkAbsolutePath(report: Report, path: string, text: string | undefined): void {
  if (text === undefined || text.startsWith('/')) return;
  report(path, `"${text}" is not an absolute path`, { hint: 'Write the path from / on.' });
}

export function checkSocket(report: Report, path: string, text: string | undefined): void {
  if (text === undefined || /^(unix:\/\/)?\/[^/]/.test(text)) return;
  report(path, `"${text}" is not a socket`, {
    hint: 'Write a unix socket: unix:///run/containerd/containerd.sock.',
  });
}

export function checkDnsDomain(report: Report, path: string, text: string | undefined): void {
  if (text === undefined || isDnsSubdomain(text)) return;
  report(path, `"${text}" is not a DNS domain`, {
    hint: 'Write lower-case labels joined by dots: cluster.local.',
  });
}

export function checkCertificateNames(report: Report, path: string, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    // kubeadm writes names in lower case itself.
    if (addressFamily(name) || isDnsPattern(name.toLowerCase())) continue;
    report(`${path}[${index}]`, `"${name}" is neither an IP address nor a DNS name`, {
      hint: 'Write names without scheme and port: api.example.org, *.example.org, 192.0.2.10.',
    });
  }
}

export function checkOneOf(
  report: Report,
  path: string,
  text: string | undefined,
  allowed: readonly string[],
): void {
  if (text === undefined || allowed.includes(text)) return;
  report(path, `"${text}" is not known`, {
    hint: `Known: ${allowed.filter((item) => item !== '').join(', ')}.`,
  });
}

/** A value copied from documentation without being filled in. */
export function isPlaceholder(text: string): boolean {
  return /^<.*>$|<[^<>]*>/.test(text);
}
