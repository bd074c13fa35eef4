import { argumentValue, toArguments } from '../arguments.ts';
import { type Cidr, formatCidr, size } from '../cidr.ts';
import { getField, isFields, textAt, textsAt } from '../fields.ts';
import type { Problems, Report } from '../problems.ts';
import { closestFeatureGate, featureGates } from '../schema/minors.ts';
import type { KubeDocument } from '../types.ts';
import {
  checkAbsolutePath,
  checkCertificateNames,
  checkCidrs,
  checkDnsDomain,
  checkEndpoint,
  checkImageRepository,
  checkOneOf,
} from './values.ts';

/** Limits of kubeadm (app/constants/constants.go) and of the API server's allocator. */
const minServiceAddresses = 10n;
const minPodAddresses = 14n;
const maxServiceBits = 20;
const maxNodeBits = 16;
const algorithms = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', 'ECDSA-P384'];

export interface ClusterNetworks {
  pods: Cidr[];
  services: Cidr[];
}

/** Faults of a ClusterConfiguration that kubeadm would refuse later, or take and fail on. */
export function validateCluster(
  cluster: KubeDocument,
  minor: string | undefined,
  problems: Problems,
): ClusterNetworks {
  const report = problems.of('ClusterConfiguration');
  checkEndpoint(report, 'controlPlaneEndpoint', textAt(cluster, 'controlPlaneEndpoint'));
  checkAbsolutePath(report, 'certificatesDir', textAt(cluster, 'certificatesDir'));
  checkDnsDomain(report, 'networking.dnsDomain', textAt(cluster, 'networking.dnsDomain'));
  checkCertificateNames(report, 'apiServer.certSANs', textsAt(cluster, 'apiServer.certSANs'));
  for (const path of ['imageRepository', 'dns.imageRepository', 'etcd.local.imageRepository']) {
    checkImageRepository(report, path, textAt(cluster, path));
  }
  checkOneOf(report, 'encryptionAlgorithm', textAt(cluster, 'encryptionAlgorithm'), algorithms);
  for (const path of ['apiServer', 'controllerManager', 'scheduler', 'etcd.local']) {
    checkArguments(report, `${path}.extraArgs`, getField(cluster, `${path}.extraArgs`));
  }
  checkFeatureGates(cluster, minor, problems);
  checkEtcd(report, cluster);
  return { services: checkServices(report, cluster), pods: checkPods(report, cluster) };
}

export function checkArguments(report: Report, path: string, value: unknown): void {
  if (!Array.isArray(value)) return;
  for (const [index, item] of value.entries()) {
    const name = isFields(item) ? item.name : undefined;
    if (typeof name !== 'string' || name === '') {
      report(`${path}[${index}]`, 'has no name', { hint: 'Write `- name: v` and `value: "4"`.' });
    } else if (name.startsWith('-')) {
      report(`${path}[${index}].name`, `"${name}" starts with a dash`, {
        hint: `Write ${name.replace(/^-+/, '')}.`,
      });
    }
  }
}

function checkServices(report: Report, cluster: KubeDocument): Cidr[] {
  const path = 'networking.serviceSubnet';
  const cidrs = checkCidrs(report, path, textAt(cluster, path));
  for (const cidr of cidrs) {
    const width = cidr.family === 4 ? 32 : 128;
    if (size(cidr) < minServiceAddresses) {
      report(
        path,
        `${formatCidr(cidr)} has ${size(cidr)} addresses; services need at least ${minServiceAddresses}`,
        {
          hint: `Use a prefix length of ${width - 4} or less; the default is 10.96.0.0/12.`,
        },
      );
    } else if (width - cidr.prefix > maxServiceBits) {
      report(path, `${formatCidr(cidr)} is larger than services can use`, {
        hint: `Use a prefix length of ${width - maxServiceBits} or more.`,
      });
    }
  }
  return cidrs;
}

function checkPods(report: Report, cluster: KubeDocument): Cidr[] {
  const path = 'networking.podSubnet';
  const cidrs = checkCidrs(report, path, textAt(cluster, path));
  const manager = toArguments(getField(cluster, 'controllerManager.extraArgs'));
  for (const cidr of cidrs) {
    if (size(cidr) < minPodAddresses) {
      report(path, `${formatCidr(cidr)} has ${size(cidr)} addresses; pods need at least ${minPodAddresses}`, {
        hint: 'Use a larger network; the default with flannel is 10.244.0.0/16.',
      });
      continue;
    }
    if (argumentValue(manager, 'allocate-node-cidrs') === 'false') continue;
    const fallback = cidr.family === 4 ? 24 : 64;
    const written =
      argumentValue(manager, `node-cidr-mask-size-ipv${cidr.family}`) ??
      argumentValue(manager, 'node-cidr-mask-size');
    const node = written === undefined ? fallback : Number(written);
    const where = `each node gets a /${node} of it (node-cidr-mask-size of the controller manager)`;
    if (cidr.prefix > node) {
      report(path, `${formatCidr(cidr)} is too small: ${where}`, {
        hint: `Use a prefix length of ${node} or less.`,
      });
    } else if (node - cidr.prefix > maxNodeBits) {
      report(path, `${formatCidr(cidr)} is too large: ${where}`, {
        hint: `Use a prefix length from ${node - maxNodeBits} to ${node}.`,
      });
    }
  }
  return cidrs;
}

/** Feature gates of kubeadm; each minor has its own. */
export function checkFeatureGates(
  cluster: KubeDocument | undefined,
  minor: string | undefined,
  problems: Problems,
): void {
  const report = problems.of('ClusterConfiguration');
  const known = featureGates(minor);
  for (const name of Object.keys(isFields(cluster?.featureGates) ? cluster.featureGates : {})) {
    if (known.includes(name)) continue;
    report(`featureGates.${name}`, `is not a feature gate of kubeadm${minor ? ` ${minor}` : ''}`, {
      hint: closestFeatureGate(name, known),
    });
  }
}

function checkEtcd(report: Report, cluster: KubeDocument): void {
  const local = getField(cluster, 'etcd.local');
  const external = getField(cluster, 'etcd.external');
  if (isFields(local) && isFields(external)) {
    report('etcd', 'has both local and external', { hint: 'Keep one of the two.' });
  }
  if (isFields(local)) {
    checkAbsolutePath(report, 'etcd.local.dataDir', textAt(local, 'dataDir'));
    checkCertificateNames(report, 'etcd.local.serverCertSANs', textsAt(local, 'serverCertSANs'));
    checkCertificateNames(report, 'etcd.local.peerCertSANs', textsAt(local, 'peerCertSANs'));
  }
  if (!isFields(external)) return;
  const endpoints = textsAt(external, 'endpoints');
  if (endpoints.length === 0) {
    report('etcd.external.endpoints', 'has no endpoint', {
      hint: 'Write at least one: https://192.0.2.10:2379.',
    });
  }
  const [ca, cert, key] = ['caFile', 'certFile', 'keyFile'].map((name) => textAt(external, name));
  const secure = Boolean(ca || cert || key);
  checkUrls(report, 'etcd.external.endpoints', endpoints, secure);
  checkUrls(report, 'etcd.external.httpEndpoints', textsAt(external, 'httpEndpoints'), false);
  if ((cert === undefined) !== (key === undefined)) {
    report('etcd.external', 'has only one of certFile and keyFile', { hint: 'Give both or none.' });
  } else if (cert !== undefined && ca === undefined) {
    report('etcd.external.caFile', 'is missing beside certFile and keyFile', {
      hint: "Give the CA of etcd's certificate.",
    });
  }
  for (const name of ['caFile', 'certFile', 'keyFile']) {
    checkAbsolutePath(report, `etcd.external.${name}`, textAt(external, name));
  }
}

function checkUrls(report: Report, path: string, urls: readonly string[], secure: boolean): void {
  for (const [index, url] of urls.entries()) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
    if (scheme === undefined)
      report(`${path}[${index}]`, `"${url}" is not a URL`, { hint: `Write https://${url}.` });
    else if (secure && scheme !== 'https') {
      report(`${path}[${index}]`, `"${url}" is not https, but certificates are given`, {
        hint: 'Write https://host:2379.',
      });
    }
  }
}
