import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressFamily,
  type Cidr,
  contains,
  formatAddress,
  formatCidr,
  networkOf,
  overlaps,
  parseAddress,
  parseCidr,
  size,
} from '../../../src/config/cidr.ts';

const cidrs: fc.Arbitrary<Cidr> = fc
  .constantFrom<[4 | 6, number]>([4, 32], [6, 128])
  .chain(([family, width]) =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n }), fc.integer({ min: 0, max: width }))
      .map(([value, prefix]) => {
        const host = BigInt(width - prefix);
        return { family, network: (value >> host) << host, prefix };
      }),
  )
  // ::ffff:0:0/96 is IPv4-mapped, which is refused on purpose.
  .filter(({ family, network }) => family === 4 || network >> 32n !== 0xffffn);

const last = (cidr: Cidr) => cidr.network + size(cidr) - 1n;

describe('CIDRs', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(cidrs, (cidr) => {
        expect(parseCidr(formatCidr(cidr))).toEqual({ cidr });
      }),
    );
  });

  it('overlap exactly when one begins inside the other, whichever comes first', () => {
    fc.assert(
      fc.property(cidrs, cidrs, (a, b) => {
        const expected = a.family === b.family && a.network <= last(b) && b.network <= last(a);
        expect(overlaps(a, b)).toBe(expected);
        expect(overlaps(b, a)).toBe(expected);
      }),
    );
  });

  it('overlap themselves and contain both of their ends, and nothing beyond', () => {
    fc.assert(
      fc.property(cidrs, (cidr) => {
        const at = (value: bigint) => contains(cidr, { family: cidr.family, value });
        expect(overlaps(cidr, cidr)).toBe(true);
        expect(at(cidr.network) && at(last(cidr))).toBe(true);
        expect(at(last(cidr) + 1n)).toBe(false);
      }),
    );
  });

  it('with host bits are refused with the network to write instead', () => {
    fc.assert(
      fc.property(
        cidrs.filter(({ family, prefix }) => prefix < (family === 4 ? 32 : 128)),
        (cidr) => {
          const inside = formatAddress({ family: cidr.family, value: cidr.network + 1n });
          fc.pre(parseAddress(inside) !== undefined);
          expect(parseCidr(`${inside}/${cidr.prefix}`)).toEqual({
            reason: 'has host bits set',
            suggestion: formatCidr(cidr),
          });
        },
      ),
    );
  });

  it.each([
    ['10.0.0.0', { reason: 'has no prefix length', suggestion: '10.0.0.0/32' }],
    ['10.0.0.0/33', { reason: 'has a prefix length over 32' }],
    ['fd00::/129', { reason: 'has a prefix length over 128' }],
    ['10.0/16', { reason: 'is not a CIDR' }],
    ['010.0.0.0/8', { reason: 'is not a CIDR' }],
    ['10.0.0.0/', { reason: 'is not a CIDR' }],
    ['10.0.0.0/-1', { reason: 'is not a CIDR' }],
    ['/8', { reason: 'is not a CIDR' }],
    ['', { reason: 'is not a CIDR' }],
    ['[fd00::]/64', { reason: 'is not a CIDR' }],
    ['fe80::%eth0/64', { reason: 'is not a CIDR' }],
    ['::ffff:10.0.0.0/104', { reason: 'is not a CIDR' }],
    ['10.0.0.0/8 ', { reason: 'is not a CIDR' }],
  ])('%j is refused', (text, expected) => {
    expect(parseCidr(text)).toEqual(expected);
  });

  it('reads the network of an address with and without prefix', () => {
    expect(formatCidr(networkOf('192.168.1.5/24')!)).toBe('192.168.1.0/24');
    expect(formatCidr(networkOf('2001:db8::5')!)).toBe('2001:db8::5/128');
    expect(networkOf('eth0')).toBeUndefined();
  });

  it.each([
    ['192.0.2.1', 4],
    ['::1', 6],
    ['2001:DB8::1', 6],
    ['1.2.3', undefined],
    ['01.2.3.4', undefined],
    ['256.0.0.1', undefined],
    ['0x7f.0.0.1', undefined],
    ['[::1]', undefined],
    ['fe80::1%eth0', undefined],
    ['::ffff:1.2.3.4', undefined],
    ['localhost', undefined],
  ])('the family of %j is %j', (text, family) => {
    expect(addressFamily(text)).toBe(family);
  });
});
