import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MalformedRequest,
  parseCertificateRequest,
} from '../../../../src/edge/controller/kubelet-serving/pkcs10.ts';
import {
  attribute,
  createCsr,
  createCsrDer,
  dnsName,
  email,
  extension,
  extensionRequest,
  ipBytes,
  oids,
  pem,
  sanExtension,
  uri,
} from '../../../fakes/csr.ts';
import { sequence, tlv } from '../../../fakes/der.ts';

describe('a request as kubelets send it', () => {
  it('is read', () => {
    const request = parseCertificateRequest(
      createCsr({ nodeName: 'n1', sans: ['n1', 'n1.example', '10.0.0.1', 'fd00::1'] }),
    );
    expect(request).toEqual({
      subject: [
        { oid: oids.organization, value: 'system:nodes' },
        { oid: oids.commonName, value: 'system:node:n1' },
      ],
      keyAlgorithm: 'other',
      sans: { dns: ['n1', 'n1.example'], ip: ['10.0.0.1', 'fd00::1'], email: [], uri: [] },
    });
  });

  it('may have an RSA key', () => {
    expect(parseCertificateRequest(createCsr({ key: 'rsa' })).keyAlgorithm).toBe('rsa');
  });

  it('is read when openssl made it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'csr-'));
    try {
      const args = [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        join(folder, 'key'),
      ];
      const wanted = [
        '-subj',
        '/O=system:nodes/CN=system:node:n1',
        '-addext',
        'subjectAltName=DNS:n1,IP:10.0.0.1',
      ];
      const made = execFileSync('openssl', [...args, ...wanted], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect(parseCertificateRequest(made).sans).toEqual({
        dns: ['n1'],
        ip: ['10.0.0.1'],
        email: [],
        uri: [],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('tells e-mail addresses and URIs, which a rule refuses', () => {
    const { sans } = parseCertificateRequest(createCsr({ sans: ['n1', email('a@b'), uri('spiffe://x')] }));
    expect(sans).toMatchObject({ email: ['a@b'], uri: ['spiffe://x'] });
  });

  it('has no names when it has no attribute', () => {
    expect(parseCertificateRequest(createCsr({ attributes: [] })).sans).toEqual({
      dns: [],
      ip: [],
      email: [],
      uri: [],
    });
  });

  it('names an IPv4 address in IPv6 form as the signer will', () => {
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 1];
    expect(parseCertificateRequest(createCsr({ sans: [ipBytes(...mapped)] })).sans.ip).toEqual(['10.96.0.1']);
  });
});

describe('a request that could be read in two ways is refused', () => {
  const basicConstraints = extension('2.5.29.19', sequence(tlv(0x01, Buffer.from([0xff]))));
  const names = sanExtension(['n1']);
  const der = createCsrDer();
  const cases: Record<string, string> = {
    'two PEM blocks': createCsr() + createCsr(),
    'text before the block': `x\n${createCsr()}`,
    'PEM headers': createCsr().replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n'),
    'another kind of block': createCsr().replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'),
    'bytes after it': pem(Buffer.concat([der, Buffer.from([0])])),
    'a further field': pem(sequence(der.subarray(4), tlv(0x05))),
    'BER: an indefinite length': pem(
      Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(4), Buffer.from([0, 0])]),
    ),
    'BER: a length longer than need be': pem(Buffer.concat([Buffer.from([0x30, 0x83, 0]), der.subarray(2)])),
    'another version': createCsr({ version: 1 }),
    'two attributes': createCsr({
      attributes: [extensionRequest(names), extensionRequest(sanExtension(['n2']))],
    }),
    'another attribute': createCsr({
      attributes: [attribute('1.2.840.113549.1.9.7', tlv(0x0c, Buffer.from('x')))],
    }),
    'two values of one attribute': createCsr({
      attributes: [attribute('1.2.840.113549.1.9.14', sequence(names), sequence(sanExtension(['n2'])))],
    }),
    'another extension': createCsr({ extensions: [basicConstraints] }),
    'two lists of names': createCsr({ extensions: [sanExtension(['n2'])] }),
    'no list of names': createCsr({ attributes: [extensionRequest(basicConstraints)] }),
    'bytes after the names': createCsr({
      attributes: [
        extensionRequest(extension('2.5.29.17', Buffer.concat([sequence(), Buffer.from([5, 0])]))),
      ],
    }),
    'a directory name': createCsr({ sans: [{ tag: 0xa4, content: sequence() }] }),
    'a registered id': createCsr({ sans: [{ tag: 0x88, content: Buffer.from([42]) }] }),
    'a DNS name with a zero byte': createCsr({ sans: [dnsName('n1\0.evil')] }),
    'a DNS name that is not ASCII': createCsr({ sans: [dnsName('n\xfc')] }),
    'an address of three bytes': createCsr({ sans: [ipBytes(10, 0, 0)] }),
    'a subject in another alphabet': createCsr({
      subject: [[oids.commonName, tlv(0x1e, Buffer.from('\0n\0a'))]],
    }),
    'a subject that is not UTF-8': createCsr({
      subject: [[oids.commonName, tlv(0x0c, Buffer.from([0xc3, 0x28]))]],
    }),
    'a very long request': createCsr({
      sans: Array.from({ length: 2000 }, (_, index) => `name-${index}.example`),
    }),
    'very deep nesting': pem(
      Array.from({ length: 3000 }).reduce<Buffer>((inner) => sequence(inner), Buffer.alloc(0)),
    ),
    nothing: '',
  };
  for (const [name, request] of Object.entries(cases)) {
    it(name, () => {
      expect(() => parseCertificateRequest(request)).toThrow(MalformedRequest);
    });
  }
});

describe('any bytes', () => {
  it('are read or refused, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => parseCertificateRequest(pem(Buffer.from(bytes)))).toThrow(MalformedRequest);
      }),
    );
  });

  it('of a good request with some changed are read or refused, never a crash', () => {
    const good = createCsrDer({ sans: ['n1', '10.0.0.1'] });
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = Buffer.from(good);
        for (const [at, value] of list) changed[at] = value;
        try {
          const { sans } = parseCertificateRequest(pem(changed));
          expect(sans.dns.length + sans.ip.length + sans.email.length + sans.uri.length).toBeLessThan(20);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedRequest);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of a good request that is cut are refused', () => {
    const good = createCsrDer({ sans: ['n1', '10.0.0.1'] });
    for (let length = 0; length < good.length; length++) {
      expect(() => parseCertificateRequest(pem(good.subarray(0, length)))).toThrow(MalformedRequest);
    }
  });
});
