import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressPolicy,
  refuseAddresses,
} from '../../../../src/edge/controller/kubelet-serving/address-rules.ts';
import { canonicalIp } from '../../../../src/edge/controller/kubelet-serving/ip.ts';
import { readAsked } from '../../../../src/edge/controller/kubelet-serving/request-rules.ts';
import type {
  CertificateSigningRequest,
  Node,
} from '../../../../src/edge/controller/kubelet-serving/types.ts';
import { type CsrOptions, createCsr, dnsName, email, oids, uri } from '../../../fakes/csr.ts';
import { tlv } from '../../../fakes/der.ts';

const policy: AddressPolicy = { extraIps: [], extraNames: [], reserved: [] };

function signingRequest(
  csr: CsrOptions = {},
  spec: Partial<CertificateSigningRequest['spec']> = {},
): CertificateSigningRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1' },
    spec: {
      signerName: 'kubernetes.io/kubelet-serving',
      username: `system:node:${csr.nodeName ?? 'n1'}`,
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'server auth'],
      request: Buffer.from(createCsr(csr)).toString('base64'),
      ...spec,
    },
  };
}

function node(addresses: [type: string, address: string][], labels: Record<string, string> = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', labels },
    status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
  };
}

describe('the request alone', () => {
  const good = { nodeName: 'n1', dns: ['n1'], ip: [] };

  it('passes as kubelets send it', () => {
    expect(readAsked(signingRequest({ sans: ['n1', '10.0.0.1'] }))).toEqual({ ...good, ip: ['10.0.0.1'] });
    expect(
      readAsked(
        signingRequest({ key: 'rsa' }, { usages: ['key encipherment', 'digital signature', 'server auth'] }),
      ),
    ).toEqual(good);
    expect(readAsked(signingRequest({ key: 'rsa' }))).toEqual(good);
  });

  it('passes with the subject in the other order', () => {
    const subject: CsrOptions['subject'] = [
      [oids.commonName, 'system:node:n1'],
      [oids.organization, 'system:nodes'],
    ];
    expect(readAsked(signingRequest({ subject }))).toEqual(good);
  });

  const organization: [string, string] = [oids.organization, 'system:nodes'];
  const commonName: [string, string] = [oids.commonName, 'system:node:n1'];
  const refused: Record<string, [reason: string, request: CertificateSigningRequest]> = {
    'asked by a person': ['RequesterNotNode', signingRequest({}, { username: 'alice' })],
    'asked by nobody': ['RequesterNotNode', signingRequest({}, { username: '' })],
    'asked by a node without a name': ['RequesterNotNode', signingRequest({}, { username: 'system:node:' })],
    'asked by a node whose name is a path': [
      'RequesterNotNode',
      signingRequest({}, { username: 'system:node:../n1' }),
    ],
    'asked by a bootstrap token': [
      'RequesterNotNode',
      signingRequest({}, { groups: ['system:bootstrappers'] }),
    ],
    'asked in a similar group': ['RequesterNotNode', signingRequest({}, { groups: ['system:nodes:x'] })],
    'of another node': [
      'SubjectMismatch',
      signingRequest({ nodeName: 'n2' }, { username: 'system:node:n1' }),
    ],
    'without an organization': ['SubjectMismatch', signingRequest({ subject: [commonName] })],
    'with two organizations': [
      'SubjectMismatch',
      signingRequest({ subject: [organization, [oids.organization, 'system:masters'], commonName] }),
    ],
    'with an organization twice': [
      'SubjectMismatch',
      signingRequest({ subject: [organization, organization, commonName] }),
    ],
    'with another organization': [
      'SubjectMismatch',
      signingRequest({ subject: [[oids.organization, 'system:masters'], commonName] }),
    ],
    'with two common names': [
      'SubjectMismatch',
      signingRequest({ subject: [organization, commonName, [oids.commonName, 'admin']] }),
    ],
    'with a further name': [
      'SubjectMismatch',
      signingRequest({ subject: [organization, commonName, [oids.unit, 'x']] }),
    ],
    'with a zero byte in its name': [
      'SubjectMismatch',
      signingRequest({
        subject: [organization, [oids.commonName, tlv(0x0c, Buffer.from('system:node:n1\0'))]],
      }),
    ],
    'for a client': ['UsageNotAllowed', signingRequest({}, { usages: ['digital signature', 'client auth'] })],
    'for a client too': [
      'UsageNotAllowed',
      signingRequest({}, { usages: ['digital signature', 'server auth', 'client auth'] }),
    ],
    'to sign certificates': [
      'UsageNotAllowed',
      signingRequest({}, { usages: ['digital signature', 'server auth', 'cert sign'] }),
    ],
    'with key encipherment and no RSA key': [
      'UsageNotAllowed',
      signingRequest({}, { usages: ['key encipherment', 'digital signature', 'server auth'] }),
    ],
    'without server auth': ['UsageNotAllowed', signingRequest({}, { usages: ['digital signature'] })],
    'without digital signature': ['UsageNotAllowed', signingRequest({}, { usages: ['server auth'] })],
    'without usages': ['UsageNotAllowed', signingRequest({}, { usages: [] })],
    'without names': ['SanNotAllowed', signingRequest({ sans: [] })],
    'with an e-mail address': ['SanNotAllowed', signingRequest({ sans: ['n1', email('a@b.example')] })],
    'with a URI': ['SanNotAllowed', signingRequest({ sans: ['n1', uri('https://n1')] })],
    'with a wildcard': ['SanNotAllowed', signingRequest({ sans: [dnsName('*.example')] })],
    'with a dot at the end': ['SanNotAllowed', signingRequest({ sans: [dnsName('n1.')] })],
    'with an empty name': ['SanNotAllowed', signingRequest({ sans: [dnsName('')] })],
    'with bytes that are no request': ['MalformedRequest', signingRequest({}, { request: 'AAAA' })],
  };
  for (const [name, [reason, request]] of Object.entries(refused)) {
    it(`is refused for good ${name}`, () => {
      expect(readAsked(request)).toMatchObject({ reason, final: true });
    });
  }
});

describe('the addresses', () => {
  const own = node([
    ['InternalIP', '10.0.0.1'],
    ['InternalIP', 'fd00:0:0::1'],
    ['ExternalIP', '198.51.100.7'],
    ['Hostname', 'n1'],
    ['InternalDNS', 'N1.internal'],
    ['ExternalDNS', 'n1.example'],
  ]);
  const ask = (dns: string[], ip: string[]) => ({ nodeName: 'n1', dns, ip });

  it('pass when they are the node’s own', () => {
    expect(
      refuseAddresses(
        ask(['n1', 'n1.internal', 'n1.example'], ['10.0.0.1', 'fd00::1', '198.51.100.7']),
        own,
        policy,
      ),
    ).toBeUndefined();
    expect(refuseAddresses(ask(['n1'], []), node([]), policy)).toBeUndefined();
    expect(refuseAddresses(ask([], ['10.0.0.9']), node([['Hostname', '10.0.0.9']]), policy)).toBeUndefined();
  });

  it('are refused, for now, when one is not', () => {
    for (const asked of [
      ask(['n1', 'n2'], []),
      ask([], ['10.0.0.2']),
      ask(['n1'], ['10.0.0.1', '10.0.0.2']),
      ask(['10.0.0.1'], []),
    ]) {
      expect(refuseAddresses(asked, own, policy)).toMatchObject({ reason: 'SanNotOfNode', final: false });
    }
  });

  it('are refused when the type of the address is another', () => {
    expect(
      refuseAddresses(ask(['x.example'], []), node([['InternalIP', 'x.example']]), policy),
    ).toMatchObject({ reason: 'SanNotOfNode' });
    expect(refuseAddresses(ask([], ['10.0.0.3']), node([['InternalDNS', '10.0.0.3']]), policy)).toMatchObject(
      { reason: 'SanNotOfNode' },
    );
  });

  const reserved = { ...policy, reserved: ['10.96.0.1', 'api.example', '.svc.edge.example', '192.0.2.1'] };
  const stolen: [type: string, address: string][] = [
    ['ExternalDNS', 'kubernetes.default.svc'],
    ['ExternalDNS', 'metrics-server.kube-system.svc'],
    ['ExternalDNS', 'kubernetes.default.svc.cluster.local'],
    ['ExternalDNS', 'x.y.svc.edge.example'],
    ['ExternalDNS', 'kubernetes'],
    ['ExternalDNS', 'Kubernetes.Default'],
    ['ExternalDNS', 'API.example'],
    ['InternalIP', '10.96.0.1'],
    ['InternalIP', '::ffff:10.96.0.1'],
    ['InternalIP', '192.0.2.1'],
    ['InternalIP', '127.0.0.1'],
    ['InternalIP', '0.0.0.0'],
    ['InternalIP', '255.255.255.255'],
    ['InternalIP', '::1'],
    ['InternalIP', 'ff02::1'],
  ];
  for (const [type, address] of stolen) {
    const asked =
      type === 'InternalIP' ? ask([], [canonicalIp(address) ?? '']) : ask([address.toLowerCase()], []);

    it(`are refused when a worker writes the control plane’s ${address} into its status`, () => {
      expect(refuseAddresses(asked, node([[type, address]]), reserved)).toMatchObject({
        reason: 'SanReserved',
        final: false,
      });
    });

    it(`pass when a control-plane node has ${address}`, () => {
      const controlPlane = node([[type, address]], { 'node-role.kubernetes.io/control-plane': '' });
      expect(refuseAddresses(asked, controlPlane, reserved)).toBeUndefined();
    });
  }

  it('are refused when a worker is named like the API server', () => {
    expect(
      refuseAddresses(
        { nodeName: 'kubernetes.default.svc', dns: ['kubernetes.default.svc'], ip: [] },
        node([]),
        policy,
      ),
    ).toMatchObject({
      reason: 'SanReserved',
    });
  });

  describe('of an edge node', () => {
    const extras = {
      extraIps: ['169.254.20.11', '10.96.0.1'],
      extraNames: ['kubernetes.default.svc'],
      reserved: ['10.96.0.1'],
    };
    const asked = ask(['n1', 'kubernetes.default.svc'], ['169.254.20.11', '10.96.0.1']);

    it('pass with the extras', () => {
      expect(
        refuseAddresses(asked, node([], { 'superedge.io/node-edge': 'enable' }), extras),
      ).toBeUndefined();
    });

    it('are refused with them on another node', () => {
      expect(refuseAddresses(asked, node([]), extras)).toMatchObject({ reason: 'SanNotOfNode' });
    });

    it('are refused with more than them', () => {
      const edge = node([], { 'superedge.io/node-edge': 'enable' });
      expect(refuseAddresses({ ...asked, dns: ['kubernetes'] }, edge, extras)).toMatchObject({
        reason: 'SanNotOfNode',
      });
    });
  });

  it('never pass with one that the node does not have', () => {
    const name = fc.constantFrom('n1', 'n2', 'a.example', 'b.example');
    const ip = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2');
    const address = fc.oneof(
      fc.tuple(fc.constantFrom('Hostname', 'InternalDNS', 'ExternalDNS'), name),
      fc.tuple(fc.constantFrom('InternalIP', 'ExternalIP'), ip),
    );
    fc.assert(
      fc.property(fc.array(name), fc.array(ip), fc.array(address), (dns, ips, addresses) => {
        const had = new Set(['n1', ...addresses.map(([, each]) => each)]);
        const refusal = refuseAddresses(
          { nodeName: 'n1', dns, ip: ips },
          node(addresses as [string, string][]),
          policy,
        );
        expect(refusal === undefined).toBe([...dns, ...ips].every((each) => had.has(each)));
      }),
    );
  });
});
