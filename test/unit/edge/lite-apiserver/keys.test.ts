import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { collectionKey, keyText } from '../../../../src/edge/lite-apiserver/cache/collection.ts';
import { negotiate } from '../../../../src/edge/lite-apiserver/request/accept.ts';
import { classify } from '../../../../src/edge/lite-apiserver/request/classify.ts';
import { headerList } from '../../../../src/edge/lite-apiserver/request/headers.ts';
import { parsePath } from '../../../../src/edge/lite-apiserver/request/path.ts';
import {
  canonicalFieldSelector,
  canonicalLabelSelector,
  selectedName,
} from '../../../../src/edge/lite-apiserver/request/selectors.ts';

vi.setConfig({ testTimeout: 60_000 });

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const value = fc.stringMatching(/^[a-z0-9]{1,6}$/);

interface Requirement {
  key: string;
  operator: 'in' | 'notin' | 'exists' | 'absent';
  values: string[];
}

const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key: word,
    operator: fc.constantFrom('in' as const, 'notin' as const),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    key: word,
    operator: fc.constantFrom('exists' as const, 'absent' as const),
    values: fc.constant<string[]>([]),
  }),
);
const spaces = fc.constantFrom('', ' ', '  ');

/** One of the ways to write a requirement. */
function write({ key, operator, values }: Requirement, style: number, space: string): string {
  if (operator === 'exists') return `${space}${key}${space}`;
  if (operator === 'absent') return `!${key}`;
  const rotated = [...values.slice(style % values.length), ...values.slice(0, style % values.length)];
  if (values.length === 1 && style % 2 === 0) {
    return operator === 'in'
      ? `${key}${space}${style % 4 === 0 ? '=' : '=='}${space}${values[0]}`
      : `${key}${space}!=${space}${values[0]}`;
  }
  return `${key} ${operator} ${space}(${rotated.join(`,${space}`)})`;
}

const meaning = (requirements: Requirement[]) =>
  JSON.stringify(
    [
      ...new Set(
        requirements.map(({ key, operator, values }) => JSON.stringify([key, operator, [...values].sort()])),
      ),
    ].sort(),
  );

describe('label selectors', () => {
  test('every spelling of one selection has one form', () => {
    fc.assert(
      fc.property(
        fc.array(requirement, { maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        spaces,
        (requirements, a, b, space) => {
          const one = requirements.map((item, i) => write(item, a + i, ''));
          const other = requirements.map((item, i) => write(item, b + i, space)).reverse();
          expect(canonicalLabelSelector(other.join(','))).toBe(canonicalLabelSelector(one.join(',')));
          expect(canonicalLabelSelector(one.join(','))).toBeDefined();
        },
      ),
    );
  });

  test('different selections have different forms', () => {
    fc.assert(
      fc.property(
        fc.array(requirement, { maxLength: 3 }),
        fc.array(requirement, { maxLength: 3 }),
        (a, b) => {
          fc.pre(meaning(a) !== meaning(b));
          const text = (requirements: Requirement[]) =>
            canonicalLabelSelector(requirements.map((item) => write(item, 1, '')).join(','));
          expect(text(a)).not.toBe(text(b));
        },
      ),
    );
  });

  test('is its own canonical form', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), (requirements) => {
        const once = canonicalLabelSelector(requirements.map((item) => write(item, 0, ' ')).join(',')) ?? '';
        expect(canonicalLabelSelector(once)).toBe(once);
      }),
    );
  });

  test.each(['a in', 'a in (b', 'a=(b)', 'a b', '=', 'a,,b', '!', 'a~b', 'a=b=c', 'a in (b)c'])(
    '%s is not understood',
    (text) => {
      expect(canonicalLabelSelector(text)).toBeUndefined();
    },
  );

  test('the one of kube-proxy', () => {
    expect(
      canonicalLabelSelector('!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name'),
    ).toBe('!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name');
  });
});

describe('field selectors', () => {
  const term = fc.tuple(
    fc.constantFrom('metadata.name', 'spec.nodeName', 'status.phase'),
    fc.constantFrom('=', '!='),
    value,
  );

  test('order and the double equals sign do not matter, everything else does', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(term, { maxLength: 3, selector: ([field]) => field }),
        fc.uniqueArray(term, { maxLength: 3, selector: ([field]) => field }),
        (a, b) => {
          const text = (terms: typeof a, equals: string) =>
            terms.map(([field, operator, v]) => field + (operator === '=' ? equals : operator) + v).join(',');
          expect(canonicalFieldSelector(text([...a].reverse(), '=='))).toBe(
            canonicalFieldSelector(text(a, '=')),
          );
          const same = [...a].map(String).sort().join() === [...b].map(String).sort().join();
          expect(canonicalFieldSelector(text(a, '=')) === canonicalFieldSelector(text(b, '='))).toBe(same);
        },
      ),
    );
  });

  test('escapes stay within their value', () => {
    expect(canonicalFieldSelector('metadata.name=a\\,b=c')).toBeUndefined();
    expect(canonicalFieldSelector('metadata.name=a\\,b\\=c')).toBe('metadata.name=a\\,b\\=c');
    expect(selectedName('metadata.name=a\\,b')).toBeUndefined();
    expect(selectedName('metadata.name=a')).toBe('a');
  });
});

describe('keys', () => {
  const part = fc.oneof(fc.constant(''), fc.string({ maxLength: 5 }), word);
  const tuple = fc.tuple(part, part, part, part, part, part, part);

  test('no two different selections share a key, whatever is in their parts', () => {
    const key = ([identity, group, version, resource, namespace, fields, labels]: string[]) =>
      keyText(
        collectionKey(identity as string, {
          path: { group, version, resource, namespace, name: '', subresource: '' } as never,
          fields: fields as string,
          labels: labels as string,
        }),
      );
    fc.assert(
      fc.property(tuple, tuple, (a, b) => {
        expect(key(a) === key(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  const kind = (target: string, headers = {}, method = 'GET') =>
    classify(method, target, headerList(headers), new Set(['events', 'leases.coordination.k8s.io'])).type;

  test.each([
    ['/api/v1/pods', 'list'],
    ['/api/v1/pods?limit=500&resourceVersion=0', 'list'],
    ['/api/v1/pods?watch=true', 'watch'],
    ['/api/v1/pods?watch=1&allowWatchBookmarks=true', 'watch'],
    ['/api/v1/pods?watch=false', 'list'],
    ['/api/v1/namespaces/a', 'get'],
    ['/api/v1/namespaces/a/pods/p', 'get'],
    ['/apis/storage.k8s.io/v1/csinodes/x', 'get'],
    ['/version', 'get'],
    ['/apis/apps/v1?timeout=32s', 'get'],
    ['/api/v1/pods?continue=x', 'other'],
    ['/api/v1/pods?resourceVersion=5&resourceVersionMatch=Exact', 'other'],
    ['/api/v1/pods?watch=yes', 'other'],
    ['/api/v1/pods?labelSelector=a%20b', 'other'],
    ['/api/v1/namespaces/a/status', 'other'],
    ['/api/v1/namespaces/a/pods/p/log', 'other'],
    ['/api/v1/events', 'other'],
    ['/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/x', 'other'],
    ['/metrics', 'other'],
  ])('%s is %s', (target, expected) => expect(kind(target)).toBe(expected));

  test('tables, metadata and binary alone are not cached, protobuf with JSON is asked for as JSON', () => {
    expect(negotiate('application/json;as=Table;v=v1;g=meta.k8s.io,application/json').cacheable).toBe(false);
    expect(negotiate('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io').cacheable).toBe(
      false,
    );
    expect(negotiate('application/vnd.kubernetes.protobuf').cacheable).toBe(false);
    expect(negotiate('application/vnd.kubernetes.protobuf, */*')).toEqual({
      cacheable: true,
      accept: 'application/json',
    });
    expect(negotiate('application/vnd.kubernetes.protobuf,application/json')).toEqual({
      cacheable: true,
      accept: 'application/json',
    });
    expect(negotiate(undefined)).toEqual({ cacheable: true, accept: 'application/json' });
  });

  test('only the token subresource of a service account is a TokenRequest', () => {
    expect(kind('/api/v1/namespaces/a/serviceaccounts/b/token', {}, 'POST')).toBe('token');
    expect(kind('/api/v1/namespaces/a/serviceaccounts/b/token/x', {}, 'POST')).toBe('other');
    expect(kind('/api/v1/namespaces/a/pods/b/token', {}, 'POST')).toBe('other');
    expect(kind('/api/v1/namespaces/a/serviceaccounts/b/token', { 'impersonate-user': 'x' }, 'POST')).toBe(
      'other',
    );
  });

  test('a path is read the same way only when it is written the one way', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const parsed = parsePath(path);
        if (parsed) expect(path).toMatch(/^(\/[A-Za-z0-9][A-Za-z0-9._:-]*)+$/);
      }),
    );
    expect(parsePath('/api/v1/namespaces/a/pods')).toMatchObject({
      resource: 'pods',
      namespace: 'a',
      name: '',
    });
    expect(parsePath('/api/v1/nodes/a/proxy/x/y')).toMatchObject({
      resource: 'nodes',
      name: 'a',
      subresource: 'proxy/x/y',
    });
  });
});
