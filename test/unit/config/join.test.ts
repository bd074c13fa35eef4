import { describe, expect, it } from 'vitest';
import { findDocument } from '../../../src/config/documents.ts';
import { type ResolveJoinInput, resolveJoin } from '../../../src/config/join.ts';
import { resolveReset } from '../../../src/config/reset.ts';
import { errorOf, file, kubeadm, machine } from './support.ts';

const token = 'abcdef.0123456789abcdef';
const hash = `sha256:${'0'.repeat(64)}`;
const endpoint = '192.0.2.1:6443';
const byToken = { token, discoveryTokenCaCertHash: [hash] };
const resolve = (flags: Record<string, unknown>, more: Partial<ResolveJoinInput> = {}) =>
  resolveJoin({ flags, machine, ...more });
const joinFile = (rest: string) => ({ config: file(`${kubeadm}\nkind: JoinConfiguration\n${rest}`) });

describe('join', () => {
  it('by token is a v1beta4 document', () => {
    const settings = resolve(byToken, { endpoint });
    expect(settings).toMatchObject({
      nodeName: 'cp-1',
      controlPlane: false,
      endpoint,
      token,
      tlsBootstrapToken: token,
      caCertHashes: [hash],
      unsafeSkipCaVerification: false,
      discoveryFile: undefined,
      bindPort: 6443,
    });
    expect(settings.documents).toEqual([
      {
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'JoinConfiguration',
        discovery: {
          tlsBootstrapToken: token,
          bootstrapToken: { token, apiServerEndpoint: endpoint, caCertHashes: [hash] },
        },
        nodeRegistration: {
          criSocket: 'unix:///run/containerd/containerd.sock',
          kubeletExtraArgs: [
            { name: 'node-labels', value: 'superedge.io/node-edge=enable,superedge.io.hostname=cp-1' },
          ],
        },
      },
    ]);
  });

  it("labels an edge node from its first moment, behind the user's own labels", () => {
    const rest = (own: string) =>
      `nodeRegistration: {kubeletExtraArgs: [{name: node-labels, value: "${own}"}, {name: v, value: "2"}]}\ndiscovery: {bootstrapToken: {token: ${token}, apiServerEndpoint: "${endpoint}", unsafeSkipCAVerification: true}}\n`;
    const labels = (own: string, flags = {}) => {
      const [document] = resolve(flags, joinFile(rest(own))).documents;
      const { kubeletExtraArgs } = document!.nodeRegistration as {
        kubeletExtraArgs: { name: string; value: string }[];
      };
      expect(kubeletExtraArgs.slice(0, 2)).toEqual([
        { name: 'node-labels', value: own },
        { name: 'v', value: '2' },
      ]);
      return kubeletExtraArgs.slice(2);
    };
    const both = 'superedge.io/node-edge=enable,superedge.io.hostname=cp-1';
    expect(labels('a=b,c=d')).toEqual([{ name: 'node-labels', value: both }]);
    expect(labels('superedge.io/node-edge=other')).toEqual([
      { name: 'node-labels', value: 'superedge.io.hostname=cp-1' },
    ]);
    expect(labels(both)).toEqual([]);
    expect(labels('a=b', { enableEdge: false })).toEqual([]);
    const long = `${'n'.repeat(60)}.example`;
    expect(labels('a=b', { nodeName: long })).toEqual([
      { name: 'node-labels', value: 'superedge.io/node-edge=enable' },
    ]);
    const [controlPlane] = resolve({ ...byToken, controlPlane: true }, { endpoint }).documents;
    expect(controlPlane?.nodeRegistration).not.toHaveProperty('kubeletExtraArgs');
  });

  it('keeps two tokens apart, with --token for what is left', () => {
    const other = 'ghijkl.0123456789abcdef';
    const settings = resolve({ ...byToken, discoveryToken: other }, { endpoint });
    expect(settings).toMatchObject({ token: other, tlsBootstrapToken: token });
  });

  it('by file uses --token for TLS bootstrap only', () => {
    const settings = resolve({ discoveryFile: '/root/cluster.conf', token });
    expect(settings).toMatchObject({
      discoveryFile: '/root/cluster.conf',
      endpoint: undefined,
      token: undefined,
      tlsBootstrapToken: token,
    });
    expect(findDocument(settings.documents, 'JoinConfiguration')?.discovery).toEqual({
      file: { kubeConfigPath: '/root/cluster.conf' },
      tlsBootstrapToken: token,
    });
  });

  it('of a control-plane node', () => {
    const flags = {
      ...byToken,
      controlPlane: true,
      certificateKey: 'f'.repeat(64),
      apiserverAdvertiseAddress: '192.0.2.11',
    };
    expect(resolve(flags, { endpoint })).toMatchObject({
      controlPlane: true,
      certificateKey: 'f'.repeat(64),
      advertiseAddress: '192.0.2.11',
    });
    const [document] = resolve({ ...byToken, controlPlane: true }, { endpoint }).documents;
    expect(document?.controlPlane).toEqual({});
  });

  it('on cgroup v1 lets this kubelet start, without a second try of the same', () => {
    const v1 = { machine: { ...machine, cgroupVersion: 1 as const } };
    const [document] = resolve({ ...byToken, enableEdge: false }, { endpoint, ...v1 }).documents;
    expect(document?.nodeRegistration).toMatchObject({
      kubeletExtraArgs: [{ name: 'fail-cgroupv1', value: 'false' }],
    });
    const rest = `nodeRegistration: {kubeletExtraArgs: [{name: fail-cgroupv1, value: "true"}, {name: v, value: "2"}, {name: v, value: "3"}]}\ndiscovery: {bootstrapToken: {token: ${token}, apiServerEndpoint: "${endpoint}", unsafeSkipCAVerification: true}}\n`;
    const [mine] = resolve({ enableEdge: false }, { ...joinFile(rest), ...v1 }).documents;
    expect(mine?.nodeRegistration).toMatchObject({
      kubeletExtraArgs: [
        { name: 'fail-cgroupv1', value: 'true' },
        { name: 'v', value: '2' },
        { name: 'v', value: '3' },
      ],
    });
  });

  it('by a document of the user', () => {
    const rest = `discovery: {bootstrapToken: {token: ${token}, apiServerEndpoint: "[2001:db8::1]:6443", caCertHashes: ["${hash}"]}}\nskipPhases: [preflight]\ncontrolPlane: {localAPIEndpoint: {bindPort: 7443}}\n`;
    expect(resolve({ nodeName: 'mine' }, joinFile(rest))).toMatchObject({
      nodeName: 'mine',
      endpoint: '[2001:db8::1]:6443',
      controlPlane: true,
      bindPort: 7443,
      skipPhases: ['preflight'],
    });
  });

  it('takes the endpoint from the command line when the document has none', () => {
    const rest = `discovery: {bootstrapToken: {token: ${token}, caCertHashes: ["${hash}"]}}\n`;
    expect(resolve({}, { ...joinFile(rest), endpoint }).endpoint).toBe(endpoint);
  });

  it('by flags may have an EdgeConfiguration beside', () => {
    const config = file(
      'apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\nruntime: {dataRoot: /data/containerd}\n',
    );
    expect(resolve(byToken, { endpoint, config }).edge.runtime.dataRoot).toBe('/data/containerd');
  });

  it('of a phase that needs no cluster goes without discovery, but checks what is there', () => {
    expect(resolve({}, { discoveryOptional: true }).endpoint).toBeUndefined();
    expect(() => resolve({ token: 'x' }, { discoveryOptional: true })).toThrow(/the token has no dot/);
  });

  it.each<[string, Record<string, unknown>, Partial<ResolveJoinInput>, string]>([
    ['nothing', {}, {}, 'endpoint: nothing says where the cluster is'],
    ['no endpoint', byToken, {}, 'endpoint: nothing says where the cluster is'],
    ['no token', { discoveryTokenCaCertHash: [hash] }, { endpoint }, '--token: is missing'],
    [
      'no hash',
      { token },
      { endpoint },
      "--discovery-token-ca-cert-hash: is missing: without it, any machine could pass for the cluster's API server",
    ],
    ['an endpoint without port', byToken, { endpoint: '192.0.2.1' }, 'endpoint: "192.0.2.1" has no port'],
    ['IPv6 without brackets', byToken, { endpoint: '2001:db8::1' }, 'endpoint: "2001:db8::1" has no port'],
    ['a URL', byToken, { endpoint: 'https://192.0.2.1:6443' }, 'endpoint: "https://192.0.2.1:6443" is a URL'],
    ['a placeholder', byToken, { endpoint: '<host>:6443' }, 'endpoint: "<host>:6443" still is a placeholder'],
    [
      'a placeholder token',
      { ...byToken, token: '<token>' },
      { endpoint },
      '--token: the token still is a placeholder',
    ],
    [
      'a bad hash',
      { token, discoveryTokenCaCertHash: 'sha256:00' },
      { endpoint },
      '--discovery-token-ca-cert-hash: "sha256:00" has 2 characters after sha256: instead of 64',
    ],
    [
      'file and endpoint',
      { discoveryFile: '/a' },
      { endpoint },
      '--discovery-file: stands beside token discovery; the cluster can be found in one way only',
    ],
    [
      'file and token',
      { discoveryFile: '/a', discoveryToken: token },
      {},
      '--discovery-file: stands beside token discovery; the cluster can be found in one way only',
    ],
    [
      'a file over http',
      { discoveryFile: 'http://a/b' },
      {},
      '--discovery-file: "http://a/b" is not an https URL',
    ],
    [
      'a key without --control-plane',
      { ...byToken, certificateKey: 'f'.repeat(64) },
      { endpoint },
      '--certificate-key: is of no use without --control-plane',
    ],
    [
      'a port without --control-plane',
      { ...byToken, apiserverBindPort: 7443 },
      { endpoint },
      '--apiserver-bind-port: is of no use without --control-plane',
    ],
    [
      'another TLS token',
      { ...byToken, tlsBootstrapToken: 'x.y' },
      { endpoint },
      '--tls-bootstrap-token: the token has 1 characters before its dot instead of 6',
    ],
    [
      'a bad node name',
      { ...byToken, nodeName: 'A_' },
      { endpoint },
      "--node-name: \"a_\" is not a node name (lower-case letters, digits, '-' and '.', a letter or digit at both ends)",
    ],
    [
      'flags beside a document',
      { token },
      joinFile('discovery: {}\n'),
      "can not mix '--config' with arguments [--token]",
    ],
    ['an empty document', {}, joinFile(''), 'endpoint: nothing says where the cluster is'],
    [
      'a CA elsewhere',
      byToken,
      { endpoint, ...joinFile('caCertPath: ca.pem\n') },
      "can not mix '--config' with arguments [--discovery-token-ca-cert-hash --token]",
    ],
    [
      'no document for it',
      {},
      { config: file(`${kubeadm}\nkind: ClusterConfiguration\n`) },
      'cluster.yaml: there is no JoinConfiguration',
    ],
    [
      'another endpoint than the document',
      {},
      {
        ...joinFile(
          `discovery: {bootstrapToken: {token: ${token}, apiServerEndpoint: "a:6443", caCertHashes: ["${hash}"]}}\n`,
        ),
        endpoint,
      },
      'endpoint: "192.0.2.1:6443" is not the one of the configuration file, "a:6443"',
    ],
  ])('is refused with %s', (_, flags, more, message) => {
    const error = errorOf(() => resolve(flags, more));
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(3);
    expect(error.hint).toBeTruthy();
    expect(JSON.stringify([error.message, error.details])).not.toContain('0123456789abcdef');
  });

  it('says how to get what it lacks', () => {
    const error = errorOf(() => resolve({ token }, { endpoint }));
    expect(error.hint).toContain('edgeadm token create --print-join-command');
    expect(error.hint).toContain('openssl');
  });
});

describe('reset', () => {
  const reset = (flags: Record<string, unknown>, text?: string) =>
    resolveReset({
      flags,
      machine,
      ...(text === undefined ? {} : { config: file(`${kubeadm}\nkind: ResetConfiguration\n${text}`) }),
    });

  it("has kubeadm's defaults", () => {
    expect(reset({})).toEqual({
      certificatesDir: '/etc/kubernetes/pki',
      cleanupTmpDir: false,
      criSocket: undefined,
      force: false,
      kubeconfig: '/etc/kubernetes/admin.conf',
      skipPhases: [],
      ignorePreflightErrors: [],
      dryRun: false,
      documents: [{ apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'ResetConfiguration' }],
    });
  });

  it('takes flags and a document', () => {
    expect(
      reset({ force: true, cleanupTmpDir: 'true', criSocket: 'unix:///run/x.sock', kubeconfig: '/k' }),
    ).toMatchObject({
      force: true,
      cleanupTmpDir: true,
      criSocket: 'unix:///run/x.sock',
      kubeconfig: '/k',
    });
    expect(
      reset(
        { dryRun: true, ignorePreflightErrors: 'Swap' },
        'force: true\nunmountFlags: [MNT_FORCE]\nskipPhases: [cleanup-node]\n',
      ),
    ).toMatchObject({
      force: true,
      dryRun: true,
      skipPhases: ['cleanup-node'],
      ignorePreflightErrors: ['Swap'],
      documents: [{ unmountFlags: ['MNT_FORCE'], ignorePreflightErrors: ['Swap'] }],
    });
  });

  it.each<[string, Record<string, unknown>, string | undefined, string]>([
    ['a relative folder', { certDir: 'pki' }, undefined, '--cert-dir: "pki" is not an absolute path'],
    [
      'an unknown unmount flag',
      {},
      'unmountFlags: [MNT_NOW]\n',
      'cluster.yaml: ResetConfiguration unmountFlags[0]: "MNT_NOW" is not known',
    ],
    [
      'flags beside a document',
      { force: true },
      'force: true\n',
      "can not mix '--config' with arguments [--force]",
    ],
  ])('is refused with %s', (_, flags, text, message) => {
    expect(errorOf(() => reset(flags, text)).message).toBe(message);
  });
});
