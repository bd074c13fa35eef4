import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { expect, it } from 'vitest';
import { alternativeNames, issueCertificate, pairFault } from '../../../src/kube/issue-certificate.ts';
import { createCertificate } from '../../fakes/pki.ts';

const year = 365 * 86_400_000;
const authority = createCertificate({
  commonName: 'kubernetes',
  ca: true,
  notAfter: new Date(Date.now() + 10 * year),
});
const ca = { certificate: authority.cert, key: authority.key };
const inAYear = new Date(Date.now() + year);
const names = ['konnectivity-server', '192.0.2.10', '2001:db8::10', '127.0.0.1'];

it('issues what the CA has signed, for the names and the time that were asked for', () => {
  const pair = issueCertificate(ca, {
    commonName: 'konnectivity-server',
    usage: 'server',
    names,
    notAfter: inAYear,
  });
  const certificate = new X509Certificate(pair.certificate);
  expect(certificate.checkIssued(new X509Certificate(ca.certificate))).toBe(true);
  expect(certificate.verify(authority.publicKey)).toBe(true);
  expect(certificate.subject).toBe('CN=konnectivity-server');
  expect(certificate.issuer).toBe('CN=kubernetes');
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(certificate.validToDate.getTime()).toBe(Math.floor(inAYear.getTime() / 1000) * 1000);
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(certificate.checkHost('konnectivity-server')).toBe('konnectivity-server');
  for (const address of names.slice(1)) expect(certificate.checkIP(address)).toBeDefined();
  expect(alternativeNames(certificate)).toHaveLength(names.length);
});

it('ends no later than the CA', () => {
  const pair = issueCertificate(ca, {
    commonName: 'x',
    usage: 'client',
    notAfter: new Date(Date.now() + 90 * year),
  });
  expect(new X509Certificate(pair.certificate).validToDate.getTime()).toBeLessThanOrEqual(
    new X509Certificate(ca.certificate).validToDate.getTime(),
  );
});

it('makes a new key each time', () => {
  const request = { commonName: 'x', usage: 'client', notAfter: inAYear } as const;
  const [one, two] = [issueCertificate(ca, request), issueCertificate(ca, request)];
  expect(one.key).not.toBe(two.key);
  expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
    new X509Certificate(two.certificate).serialNumber,
  );
});

it('serves and is presented in a mutual TLS handshake that both sides verify', async () => {
  const server = issueCertificate(ca, { commonName: 'server', usage: 'server', names, notAfter: inAYear });
  const client = issueCertificate(ca, {
    commonName: 'system:konnectivity-server',
    usage: 'client',
    notAfter: inAYear,
  });
  const listener = createServer({
    cert: server.certificate,
    key: server.key,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as { port: number };
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = tlsConnect({
    port,
    host: '127.0.0.1',
    ca: ca.certificate,
    cert: client.certificate,
    key: client.key,
  });
  const [[peer]] = await Promise.all([accepted, once(socket, 'secureConnect')]);
  expect(peer.authorized).toBe(true);
  expect(peer.getPeerCertificate().subject.CN).toBe('system:konnectivity-server');
  expect(socket.authorized).toBe(true);
  socket.destroy();
  peer.destroy();
  listener.close();
});

it('refuses a CA whose key is not its own', () => {
  const { key } = createCertificate({ commonName: 'other', ca: true });
  const request = { commonName: 'x', usage: 'client', notAfter: inAYear } as const;
  expect(() => issueCertificate({ ...ca, key }, request)).toThrow('the CA cannot sign');
});

it('finds what is wrong with a pair', () => {
  const request = { commonName: 'x', usage: 'server', names, notAfter: inAYear } as const;
  const pair = issueCertificate(ca, request);
  const asked = { ca: ca.certificate, names, renewBeforeMs: 1000 };
  expect(pairFault(pair, asked)).toBeUndefined();
  expect(pairFault(pair, { ...asked, names: [...names, '192.0.2.99'] })).toBe('it lacks 192.0.2.99');
  expect(pairFault(pair, { ...asked, renewBeforeMs: 2 * year })).toMatch(/^it ends on 20/);
  expect(pairFault({ ...pair, key: issueCertificate(ca, request).key }, asked)).toBe(
    'its key is of another certificate',
  );
  const other = createCertificate({ commonName: 'kubernetes', ca: true });
  expect(pairFault(pair, { ...asked, ca: other.cert })).toBe('another CA issued it');
  expect(pairFault({ ...pair, certificate: pair.certificate.slice(0, 80) }, asked)).toBe('it cannot be read');
});

it.each(['rsa', 'ec'] as const)('signs with the %s keys that kubeadm makes', async (type) => {
  // A self-signed certificate of that key: made by the issuer under test from a pair that only has the key in common.
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const root = createCertificate({ commonName: 'kubernetes', ca: true, privateKey });
  const pair = issueCertificate(
    { certificate: root.cert, key },
    { commonName: 'x', usage: 'client', notAfter: inAYear },
  );
  expect(new X509Certificate(pair.certificate).verify(root.publicKey)).toBe(true);
});
