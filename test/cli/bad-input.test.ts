import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { run, temporaryFolder } from './harness.ts';

const opened = vi.hoisted(() => vi.fn());
vi.mock('../../src/host/open.ts', () => ({ openHost: opened }));

/** A mistake that must end with exit code 3, name value and place, say a fix, and never open the host. */
interface Mistake {
  what: string;
  argv: string[];
  /** Content of the file that `--config cluster.yaml` reads; the message names its path, FILE. */
  file?: string;
  says: string;
  hint: string;
}

async function refuses({ argv, file, says, hint }: Mistake): Promise<void> {
  const cwd = await temporaryFolder();
  if (file !== undefined) await writeFile(join(cwd, 'cluster.yaml'), file);
  const { code, stdout, stderr } = await run(argv, { cwd });
  expect({ code, stdout }, stderr).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain(`error: ${says.replace('FILE', join(cwd, 'cluster.yaml'))}`);
  expect(/^ {2}hint: .*/m.exec(stderr)?.[0]).toContain(hint);
  expect(opened).not.toHaveBeenCalled();
}

const hash = `sha256:${'0'.repeat(64)}`;
const token = 'abcdef.0123456789abcdef';
const init = (...flags: string[]) => ['init', '--node-name=m1', ...flags];
const joinTo = (endpoint: string, ...flags: string[]) => ['join', '--node-name=m1', endpoint, ...flags];
const found = ['--token', token, '--discovery-token-ca-cert-hash', hash];

describe('flags', () => {
  test.for<Mistake>([
    {
      what: 'a flag that there is not',
      argv: init('--pod-network-cird=10.1.0.0/16'),
      says: 'unknown flag: --pod-network-cird',
      hint: 'Did you mean "--pod-network-cidr"?',
    },
    {
      what: 'a phase that there is not',
      argv: ['init', 'phase', 'certz'],
      says: 'no phase is named "certz"',
      hint: 'Did you mean "certs"?',
    },
    {
      what: 'a phase that there is not, skipped',
      argv: init('--skip-phases=cnii'),
      says: 'no phase is named "cnii"',
      hint: 'Did you mean "cni"?',
    },
    {
      what: 'a phase both chosen and skipped',
      argv: ['init', 'phase', 'cni', '--skip-phases=cni'],
      says: 'phase "cni" is both chosen and skipped',
      hint: 'Leave "cni" out of --skip-phases',
    },
    {
      what: 'a CIDR that is none',
      argv: init('--pod-network-cidr=10.1.0.0/33'),
      says: '--pod-network-cidr: "10.1.0.0/33" has a prefix length over 32',
      hint: 'Write an address and a prefix length',
    },
    {
      what: 'pods over services',
      argv: init('--pod-network-cidr=10.96.0.0/16'),
      says: '--pod-network-cidr: 10.96.0.0/16 overlaps the service network 10.96.0.0/12',
      hint: 'e.g. 10.244.0.0/16 for pods',
    },
    {
      what: 'services over the node',
      argv: init('--service-cidr=10.9.0.0/16', '--apiserver-advertise-address=10.9.0.7'),
      says: '--apiserver-advertise-address: "10.9.0.7" lies in the service network 10.9.0.0/16',
      hint: 'that hold no address of a node',
    },
    {
      what: 'a token that is none',
      argv: joinTo('192.0.2.1:6443', '--token=abcdef', '--discovery-token-ca-cert-hash', hash),
      says: '--token: the token has no dot',
      hint: 'edgeadm token create --print-join-command',
    },
    {
      what: 'the hash of an authority that is none',
      argv: joinTo('192.0.2.1:6443', '--token', token, '--discovery-token-ca-cert-hash=sha256:00'),
      says: '--discovery-token-ca-cert-hash: "sha256:00" has 2 characters after sha256: instead of 64',
      hint: 'edgeadm token create --print-join-command',
    },
    {
      what: 'an IPv6 endpoint without brackets',
      argv: joinTo('2001:db8::1', ...found),
      says: 'endpoint: "2001:db8::1" has no port',
      hint: 'Write [2001:db8::1]:6443.',
    },
    {
      what: 'an IPv6 endpoint with a zone',
      argv: joinTo('[fe80::1%eth0]:6443', ...found),
      says: 'endpoint: "[fe80::1%eth0]:6443" has an IPv6 zone',
      hint: '192.0.2.10:6443 or [2001:db8::10]:6443',
    },
    {
      what: 'an IPv6 endpoint with half its brackets',
      argv: joinTo('[2001:db8::1:6443', ...found),
      says: 'endpoint: "[2001:db8::1:6443" is not [IPv6 address]:port',
      hint: '192.0.2.10:6443 or [2001:db8::10]:6443',
    },
    {
      what: 'an IPv6 address in brackets',
      argv: init('--apiserver-advertise-address=[2001:db8::1]'),
      says: '--apiserver-advertise-address: "[2001:db8::1]" is not an IP address',
      hint: 'without brackets and port',
    },
    {
      what: 'a node name that is no DNS-1123 label',
      argv: ['init', '--node-name=Edge_1'],
      says: '--node-name: "edge_1" is not a node name',
      hint: 'edge-1',
    },
    {
      what: 'a Kubernetes version outside the catalogue',
      argv: init('--kubernetes-version=v1.22.0'),
      says: '--kubernetes-version: "v1.22.0" is outside the versions that edgeadm installs (1.34, 1.35, 1.36)',
      hint: 'Kubernetes 1.34 to 1.36 can be installed',
    },
  ])('$what', refuses);
});

const cluster = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n';
const bomb = [
  'a0: &a0 [x,x,x,x,x,x,x,x,x,x]',
  ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(10).fill(`*a${at}`)}]`),
].join('\n');

describe('the file of --config', () => {
  const argv = init('--config', 'cluster.yaml');

  test.for<Omit<Mistake, 'argv'>>([
    {
      what: 'a key twice',
      file: `${cluster}clusterName: a\nclusterName: b\n`,
      says: 'FILE:4:1: duplicated mapping key',
      hint: 'Keep one of the two',
    },
    {
      what: 'a bomb of anchors',
      file: `${cluster}${bomb}\n`,
      says: 'FILE: aliases make more than 100000 values',
      hint: 'Write the values out',
    },
    {
      what: '10 MB',
      file: `${cluster}${'a: b\n'.repeat(2_000_000)}`,
      says: 'FILE: the file is larger than 1 MiB',
      hint: 'Is this the right file?',
    },
    { what: 'nothing', file: '', says: 'FILE: the file is empty', hint: 'Write at least one document' },
    {
      what: 'two ClusterConfigurations',
      file: `${cluster}---\n${cluster}`,
      says: 'FILE: documents 1 and 2 both are ClusterConfiguration',
      hint: 'Merge the two into one.',
    },
    {
      what: 'a field that there is not',
      file: `${cluster}networking: {podSubnt: 10.1.0.0/16}\n`,
      says: 'FILE: ClusterConfiguration networking.podSubnt: does not exist',
      hint: 'Did you mean podSubnet?',
    },
  ])('$what', (mistake) => refuses({ ...mistake, argv }));
});
