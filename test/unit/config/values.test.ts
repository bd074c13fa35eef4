import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatGoDuration, parseGoDuration } from '../../../src/config/goduration.ts';
import { formatHostPort, parseHostPort } from '../../../src/config/hostport.ts';
import {
  chooseVersion,
  minorOf,
  parseVersion,
  supportedMinors,
  versionFault,
} from '../../../src/config/kubernetes-version.ts';
import {
  isDnsPattern,
  isDnsSubdomain,
  isImageRepository,
  nodeNameFault,
  suggestNodeName,
} from '../../../src/config/names.ts';
import { schemaMinors } from '../../../src/config/schema/minors.ts';
import { caHashFault, certificateKeyFault, tokenFault } from '../../../src/config/token.ts';
import { errorOf } from './support.ts';

describe('endpoints', () => {
  it.each([
    ['192.0.2.1:6443', { host: '192.0.2.1', port: 6443, family: 4 }],
    ['192.0.2.1', { host: '192.0.2.1', port: undefined, family: 4 }],
    ['[::1]:6443', { host: '::1', port: 6443, family: 6 }],
    ['2001:db8::1', { host: '2001:db8::1', port: undefined, family: 6 }],
    ['api.example.org:443', { host: 'api.example.org', port: 443, family: undefined }],
    ['localhost', { host: 'localhost', port: undefined, family: undefined }],
  ])('%s is read', (text, endpoint) => {
    expect(parseHostPort(text)).toEqual({ endpoint });
  });

  it.each([
    ['https://192.0.2.1:6443', 'is a URL', '192.0.2.1:6443'],
    ['api.example.org/path', 'has a path', 'api.example.org'],
    ['[fe80::1%eth0]:6443', 'has an IPv6 zone, which certificates and other nodes cannot use', undefined],
    ['[::1]', 'has brackets but no port', '::1 or [::1]:6443'],
    ['[192.0.2.1]:6443', 'is not [IPv6 address]:port', undefined],
    ['[::1:6443', 'is not [IPv6 address]:port', undefined],
    ['[::1]6443', 'is not [IPv6 address]:port', undefined],
    ['2001:db8:::1', 'is not an IPv6 address; with a port it needs brackets: [::1]:6443', undefined],
    ['192.0.2.300:6443', 'is not an IP address', undefined],
    ['Api.Example.org:443', 'has upper-case letters', 'api.example.org:443'],
    ['api_1:443', 'has a host that is neither an IP address nor a DNS name', undefined],
    [':6443', 'has a host that is neither an IP address nor a DNS name', undefined],
    ['api:0', 'has a port that is not a number from 1 to 65535: "0"', undefined],
    ['api:65536', 'has a port that is not a number from 1 to 65535: "65536"', undefined],
    ['api:', 'has a port that is not a number from 1 to 65535: ""', undefined],
    ['api:http', 'has a port that is not a number from 1 to 65535: "http"', undefined],
  ])('%s is refused', (text, reason, suggestion) => {
    expect(parseHostPort(text)).toEqual(suggestion === undefined ? { reason } : { reason, suggestion });
  });

  it('come back from their text', () => {
    const hosts = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !/\d\.\d/.test(text)),
      fc.constantFrom('a', 'api.example.org'),
    );
    fc.assert(
      fc.property(hosts, fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }), (host, port) => {
        expect(parseHostPort(formatHostPort(host, port))).toMatchObject({ endpoint: { host, port } });
      }),
    );
  });
});

describe('durations', () => {
  it.each([
    ['24h0m0s', 86_400_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['100ms', 100],
    ['-2m', -120_000],
    ['0', 0],
    ['.5s', 500],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseGoDuration(text)).toBeCloseTo(milliseconds);
  });

  it.each(['', '5', '1d', '1 h', 'h', '1h30', '1h,2m', '--1h'])('%j is refused', (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });

  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e7, max: 1e7 }), (seconds) => {
        expect(parseGoDuration(formatGoDuration(seconds * 1000))).toBeCloseTo(seconds * 1000);
      }),
    );
    expect([formatGoDuration(86_400_000), formatGoDuration(90_000), formatGoDuration(0)]).toEqual([
      '24h0m0s',
      '1m30s',
      '0s',
    ]);
  });
});

describe('names', () => {
  it.each(['edge-1', 'a', 'edge-1.example.org', '7', '10-0-0-1'])('%s is a node name', (name) => {
    expect(nodeNameFault(name)).toBeUndefined();
  });

  it.each([
    '192.0.2.1',
    'Edge',
    'edge_1',
    '-edge',
    'edge-',
    '.edge',
    'a..b',
    '',
    'ä',
    'x'.repeat(64),
    'a b',
    'edge\n',
  ])('%j is not', (name) => {
    expect(nodeNameFault(name)).toBeTruthy();
  });

  it('suggests a name that is valid', () => {
    expect(suggestNodeName('Edge_Node 1.')).toBe('edge-node-1');
    expect(suggestNodeName('___')).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = suggestNodeName(text);
        if (name !== undefined) expect(nodeNameFault(name)).toBeUndefined();
      }),
    );
  });

  it('knows DNS names and patterns', () => {
    expect(isDnsSubdomain('a.b-c.d')).toBe(true);
    expect(isDnsSubdomain(`${'a.'.repeat(126)}ab`)).toBe(false);
    expect(isDnsPattern('*.example.org')).toBe(true);
    expect(isDnsPattern('a.*.org')).toBe(false);
  });

  it.each([
    'registry.k8s.io',
    'localhost:5000/k8s',
    'registry.example.org/a/b__c',
    '[fd00::1]:5000/x',
    'edgeadm',
    'a/b-c.d',
  ])('%s is an image repository', (text) => {
    expect(isImageRepository(text)).toBe(true);
  });

  it.each([
    'https://registry.k8s.io',
    'registry.k8s.io/',
    'registry.k8s.io/Foo',
    'a/b:tag',
    'a b',
    '',
    'registry.k8s.io/a//b',
  ])('%j is not', (text) => {
    expect(isImageRepository(text)).toBe(false);
  });
});

describe('what proves the right to join', () => {
  it('accepts valid values', () => {
    expect(tokenFault('abcdef.0123456789abcdef')).toBeUndefined();
    expect(caHashFault(`sha256:${'0aF'.repeat(21)}0`)).toBeUndefined();
    expect(certificateKeyFault('0'.repeat(64))).toBeUndefined();
  });

  it('says what is wrong without repeating the value', () => {
    const faults: [(text: string) => string | undefined, string, RegExp][] = [
      [tokenFault, 'abcdef0123456789abcdef', /no dot/],
      [tokenFault, 'abcde.0123456789abcdef', /5 characters before/],
      [tokenFault, 'abcdef.0123456789abcde', /15 characters after/],
      [tokenFault, 'ABCDEF.0123456789abcdef', /other than lower-case/],
      [tokenFault, 'abcdef.01234567.89abcdef', /more than one dot/],
      [tokenFault, '<token>', /placeholder/],
      [certificateKeyFault, 'f'.repeat(63), /63 characters/],
      [certificateKeyFault, 'g'.repeat(64), /not hex/],
      [caHashFault, 'f'.repeat(64), /start with sha256/],
      [caHashFault, `sha1:${'f'.repeat(40)}`, /only sha256/],
      [caHashFault, 'sha256:ff', /2 characters/],
      [caHashFault, '<hash>', /placeholder/],
    ];
    for (const [fault, value, expected] of faults) {
      expect(fault(value), value).toMatch(expected);
      expect(fault(value)).not.toContain(value);
    }
  });
});

describe('Kubernetes versions', () => {
  it.each([
    ['v1.36.3', { exact: 'v1.36.3', minor: '1.36' }],
    ['1.36.3', { exact: 'v1.36.3', minor: '1.36' }],
    ['stable-1', { label: 'stable-1', minor: undefined }],
    ['stable', { label: 'stable', minor: undefined }],
    ['stable-1.35', { label: 'stable-1.35', minor: '1.35' }],
    ['latest-1.36', { label: 'latest-1.36', minor: '1.36' }],
    ['v1.36.0-rc.1', { exact: 'v1.36.0-rc.1', minor: '1.36' }],
  ])('reads %s', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });

  it.each(['1.36', 'v1', 'newest', '', 'v1.36.3.4', 'vv1.36.3'])('%j is none', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it('refuses versions outside the catalogue', () => {
    for (const minor of supportedMinors) expect(versionFault(`v${minor}.9`)).toBeUndefined();
    expect(versionFault('v1.33.9')?.reason).toMatch(/outside/);
    expect(versionFault('v1.37.0')?.reason).toMatch(/outside/);
    expect(versionFault('stable-1.30')?.reason).toMatch(/outside/);
    expect(versionFault('newest')?.reason).toMatch(/not a Kubernetes version/);
  });

  it('has a schema for each version that it installs', () => {
    expect(schemaMinors).toEqual([...supportedMinors]);
    expect(minorOf('v1.36.3')).toBe('1.36');
  });

  it('takes the version of the package and refuses another wish', () => {
    expect(chooseVersion(undefined, 'v1.36.3')).toBe('v1.36.3');
    expect(chooseVersion('stable-1', 'v1.36.3')).toBe('v1.36.3');
    expect(chooseVersion('stable-1.36', 'v1.36.3')).toBe('v1.36.3');
    expect(chooseVersion('1.36.3', 'v1.36.3')).toBe('v1.36.3');
    expect(chooseVersion('v1.36.3', undefined)).toBe('v1.36.3');
    expect(chooseVersion('stable-1', undefined)).toBeUndefined();
    expect(errorOf(() => chooseVersion('v1.36.2', 'v1.36.3')).code).toBe('E_PACKAGE_MISMATCH');
    expect(errorOf(() => chooseVersion('stable-1.35', 'v1.36.3')).code).toBe('E_PACKAGE_MISMATCH');
  });
});
