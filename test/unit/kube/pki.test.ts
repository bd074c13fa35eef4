import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointOf } from '../../../src/kube/kubeconfig.ts';
import { networkFault } from '../../../src/kube/network-error.ts';
import { caCertHash, readCertificates } from '../../../src/kube/pki.ts';
import { createCertificate, expectedHash } from '../../fakes/pki.ts';

describe('certificates', () => {
  const ca = createCertificate({ commonName: 'kubernetes', ca: true });

  it('hashes the public key as kubeadm does', () => {
    expect(caCertHash(ca.cert)).toBe(expectedHash(ca));
  });

  it("agrees with openssl's pipeline of kubeadm's documentation on a fixed certificate", () => {
    // openssl x509 -pubkey -in ca.crt | openssl pkey -pubin -outform der | openssl dgst -sha256 -hex
    const pem = `-----BEGIN CERTIFICATE-----
MIIDCzCCAfOgAwIBAgIUSr+mLl1kKqMbAu69oVntxKMdOsEwDQYJKoZIhvcNAQEL
BQAwFTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjMwMzExNDNaFw0zNjEx
MjAwMzExNDNaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwggEiMA0GCSqGSIb3DQEB
AQUAA4IBDwAwggEKAoIBAQDG2EJ8pebpHwUVPfkf+GYYQ1S6+0aXSHzfy2LDQZAC
x1F1A8pAVoU5nXw7k6oogiTJrX2ZDJkHH+7t+pHWupuYKWyxyWhuSDOvF6OVzvJA
cVMfGjkiwAIsVa97lG7LnPQ74zqCi3iXD5MkrkHEbL3QQi/vtuMH5F8XKnVP44wq
ki/tfeMuE0pE8Fm+4voYp+p3dsTGnw/30f7SxvfwjpcnS8TQiC/nkVR/vUuu9uuC
aPc6Ulz6xvCgyeB8LwiwMAJ02UCb1CoR4E/59c3AjooTSZkgEe4peTVdsusxLiMK
6xbMVEg5M+K2T5qq/EfWB4k+Rt7FJB46AopRfIFfdGMnAgMBAAGjUzBRMB0GA1Ud
DgQWBBRG3TfhF3GQQ9K7CEc1grTLnpQBqzAfBgNVHSMEGDAWgBRG3TfhF3GQQ9K7
CEc1grTLnpQBqzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQCv
PWfD9d+e/Ed0xhJIXgvdBut/e/69BJGSC8nsSjsuKHoQikMWIAae2JkuSq/bTB9d
udoMnjZT+Th4EbL6mSizX0MxT0Sm64UuOqzodgb8fIdfN0UB8f7zAPHiqa0ewy/G
/13THkuUkpsCCaOEm3fciXYFfJyqp2+fcu1Ynvw+Gdce1VS3E6fbpElw9tYO4nbq
s9zYrb+REQwa5UZgDF76hwvaYmi/R8s0sGLVmFOk1UCTAx9Vtmc14Mm4EyEglgym
QUNmaXe64c0mfIKS5ifL19mypvrbqcuhqE+VXVMJp/mEUl9EublHbRZPRVDzCuIp
Jz0WtSKyCq9w+ETOd7dP
-----END CERTIFICATE-----`;
    expect(caCertHash(pem)).toBe('sha256:958738c253d3a0607ace722d2b38ba6dcb8d57b3b0d086d4092c12b7cde1946a');
  });

  it('reads validity, names and authority, of each certificate in the file', () => {
    const notAfter = new Date('2049-12-31T23:59:59Z');
    const notBefore = new Date('2020-01-02T03:04:05Z');
    const serving = createCertificate({
      commonName: 'kube-apiserver',
      names: ['10.0.0.1', 'a.example'],
      issuer: ca,
      notBefore,
      notAfter,
    });
    expect(readCertificates(`${serving.cert}${serving.key}${ca.cert}`)).toEqual([
      {
        subject: 'CN=kube-apiserver',
        issuer: 'CN=kubernetes',
        notBefore,
        notAfter,
        isCa: false,
        names: ['IP Address:10.0.0.1', 'DNS:a.example'],
        publicKeyHash: expectedHash(serving),
      },
      expect.objectContaining({ subject: 'CN=kubernetes', isCa: true, publicKeyHash: expectedHash(ca) }),
    ]);
  });

  it('refuses everything else without showing it', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => readCertificates(text)).toThrow(/^not a PEM certificate/);
      }),
    );
    expect(() => readCertificates(ca.key)).toThrow('no BEGIN CERTIFICATE');
    expect(() => caCertHash(ca.cert.replace(/M/g, 'A'))).toThrow(/^not a PEM certificate/);
  });
});

describe('endpointOf', () => {
  it.each([
    ['    server: https://10.0.0.1:6443', '10.0.0.1:6443'],
    ['    server: "https://[fd00::1]:6443/"', '[fd00::1]:6443'],
    ['    server: https://cluster.example', 'cluster.example:443'],
  ])('%s', (line, endpoint) => {
    expect(endpointOf(`clusters:\n- cluster:\n${line}\n  name: kubernetes\n`, 'a.conf')).toBe(endpoint);
  });

  it('refuses a kubeconfig without one', () => {
    expect(() => endpointOf('clusters: []', '/etc/a.conf')).toThrow(
      '/etc/a.conf cannot be used as a kubeconfig: it names no server',
    );
  });
});

describe('networkFault', () => {
  const coded = (code: string, message = code) => Object.assign(new Error(message), { code });

  it.each([
    ['ENOTFOUND', 'dns', 'the name api.example does not resolve'],
    ['ECONNREFUSED', 'refused', 'connection refused by api.example:6443'],
    ['EHOSTUNREACH', 'no-route', 'no route to api.example'],
    ['ETIMEDOUT', 'timeout', 'no answer from api.example:6443'],
    ['CERT_NOT_YET_VALID', 'certificate-time', 'not valid yet'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted', 'not signed by the expected authority'],
  ])('%s is %s', (code, kind, text) => {
    const fault = networkFault(coded(code), 'api.example:6443');
    expect(fault.kind).toBe(kind);
    expect(fault.text).toContain(text);
  });

  it('looks into the error of several addresses', () => {
    expect(networkFault(new AggregateError([coded('ECONNREFUSED'), coded('EHOSTUNREACH')]), 'a:1').kind).toBe(
      'refused',
    );
  });

  it('knows plain HTTP from its OpenSSL message', () => {
    expect(networkFault(coded('EPROTO', 'SSL routines:wrong version number'), 'a:1').kind).toBe('not-tls');
  });
});
