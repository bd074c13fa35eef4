import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detachedSignature, signatureIsValid } from '../../../src/kube/jws.ts';
import { detachedJws } from '../../fakes/apiserver.ts';

const characters = (length: number) =>
  fc.string({
    minLength: length,
    maxLength: length,
    unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'),
  });
const token = fc.tuple(characters(6), characters(16)).map(([id, secret]) => `${id}.${secret}`);

describe('detached signatures', () => {
  it("equals what go-jose makes (k8s.io/cluster-bootstrap's own test vector)", () => {
    const jws = 'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8';
    expect(
      detachedSignature(
        'Hello from the other side. I must have called a thousand times.',
        'joshua.my voice is my passcode',
      ),
    ).toBe(jws);
    expect(
      signatureIsValid(
        jws,
        'Hello from the other side. I must have called a thousand times.',
        'joshua.my voice is my passcode',
      ),
    ).toBe(true);
  });

  it('holds for any content and token, and is the same as computed elsewhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), token, (content, secret) => {
        const jws = detachedSignature(content, secret);
        expect(jws).toBe(detachedJws(content, secret));
        expect(signatureIsValid(jws, content, secret)).toBe(true);
      }),
    );
  });

  it('fails for other content, another token, and any change to the signature', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), token, token, (content, other, mine, theirs) => {
        fc.pre(content !== other && mine !== theirs);
        const jws = detachedSignature(content, mine);
        expect(signatureIsValid(jws, other, mine)).toBe(false);
        expect(signatureIsValid(jws, content, theirs)).toBe(false);
      }),
    );
    const jws = detachedSignature('content', 'abcdef.0123456789abcdef');
    fc.assert(
      fc.property(fc.nat(jws.length - 2), (index) => {
        const changed = jws.slice(0, index) + (jws[index] === 'A' ? 'B' : 'A') + jws.slice(index + 1);
        expect(signatureIsValid(changed, 'content', 'abcdef.0123456789abcdef')).toBe(false);
      }),
    );
  });

  it.each([
    ['', 'empty'],
    ['a.b.c', 'with content'],
    ['..', 'without anything'],
    [`${Buffer.from('{"alg":"none","kid":"abcdef"}').toString('base64url')}..`, 'of algorithm none'],
    [`${Buffer.from('null').toString('base64url')}..AAAA`, 'with a header that is null'],
  ])('refuses %s (%s)', (jws) => {
    expect(signatureIsValid(jws, 'content', 'abcdef.0123456789abcdef')).toBe(false);
  });
});
