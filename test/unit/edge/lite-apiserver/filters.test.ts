import { expect, test } from 'vitest';
import type { ResponseFilter } from '../../../../src/edge/lite-apiserver/filters/chain.ts';
import { bearerCaller } from '../../../../src/edge/lite-apiserver/serve/identity.ts';
import { rig, settled, until, watchList } from './rig.ts';

const proxyUser = 'system:serviceaccount:kube-system:kube-proxy';
const token = (sub: string) =>
  `x.${Buffer.from(JSON.stringify({ iss: 'fake', sub })).toString('base64url')}.y`;
const slice = (name: string, service: string, addressType = 'IPv4', namespace = 'default') => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
  addressType,
  endpoints: [{ addresses: ['10.0.0.1'], nodeName: null }],
  ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
});
const path = '/apis/discovery.k8s.io/v1/endpointslices';
const more = { filters: { kubernetesService: { address: '169.254.20.11', port: 51003 } } };

async function start() {
  const r = await rig(more);
  for (const [name, service, family, namespace] of [
    ['kubernetes', 'kubernetes'],
    ['k6', 'kubernetes', 'IPv6'],
    ['web-x', 'web'],
    ['other', 'kubernetes', 'IPv4', 'elsewhere'],
  ]) {
    r.upstream.put('endpointslices', slice(name as string, service as string, family, namespace));
  }
  for (const sub of [proxyUser, 'other']) r.upstream.tokens.set(token(sub), sub);
  return r;
}

const endpoints = (
  items: { metadata: { name: string }; endpoints: { addresses: string[] }[]; ports: { port: number }[] }[],
) =>
  Object.fromEntries(
    items.map(({ metadata, endpoints: all, ports }) => [
      metadata.name,
      [...all.flatMap(({ addresses }) => addresses), ports[0]?.port],
    ]),
  );
const local = {
  kubernetes: ['169.254.20.11', 51003],
  k6: [51003],
  'web-x': ['10.0.0.1', 6443],
  other: ['10.0.0.1', 6443],
};
const real = {
  kubernetes: ['10.0.0.1', 6443],
  k6: ['10.0.0.1', 6443],
  'web-x': ['10.0.0.1', 6443],
  other: ['10.0.0.1', 6443],
};

test('kube-proxy sees the local address behind the kubernetes Service, others the real one, on every way', async () => {
  const r = await start();
  const views: [string, object][] = [
    [proxyUser, local],
    ['other', real],
  ];
  const lists = async () => {
    for (const [sub, expected] of views) {
      const as = { token: token(sub) };
      expect(
        endpoints((await r.fetch(path, { as, headers: { 'accept-encoding': 'gzip' } })).json.items),
      ).toEqual(expected);
      const watch = await r.watch(`${path}?${watchList}`, { as });
      await watch.until(({ events }) => events.length === 5);
      expect(endpoints(watch.events.slice(0, 4).map(({ object }) => object) as never)).toEqual(expected);
      watch.close();
      const one = await r.fetch('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes', {
        as,
      });
      expect(one.json.endpoints[0].addresses).toEqual(sub === proxyUser ? ['169.254.20.11'] : ['10.0.0.1']);
    }
  };
  await lists();
  await settled(r, 2);
  await r.goOffline();
  await lists();
});

test('events that pass are changed, the cache is not', async () => {
  const r = await start();
  const watch = await r.watch(`${path}?${watchList}`, { as: { token: token(proxyUser) } });
  await watch.until(({ events }) => events.length === 5);
  r.upstream.put('endpointslices', slice('kubernetes', 'kubernetes'));
  await watch.until(({ events }) => events.length === 6);
  expect(watch.events.at(-1)).toMatchObject({
    type: 'MODIFIED',
    object: { endpoints: [{ addresses: ['169.254.20.11'] }], ports: [{ port: 51003 }] },
  });
  const { store } = r.proxy.context;
  store.flush();
  const collection = [...store.collections][0];
  const row = collection && store.collections.row(collection, 'default', 'kubernetes');
  expect(row?.body).toContain('10.0.0.1');
  expect(row?.body).not.toContain('169.254');
});

test('a filter may hide objects, and is asked again when it has changed its mind', async () => {
  let hidden = true;
  const filter: ResponseFilter = {
    name: 'site',
    applies: ({ path: { resource } }) => resource === 'configmaps',
    filter: (object) => (hidden && object.metadata.name === 'secretive' ? undefined : object),
  };
  const r = await rig({}, [filter]);
  const put = (name: string) =>
    r.upstream.put('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'a' } });
  put('secretive');
  put('open');
  expect((await r.fetch('/api/v1/configmaps')).json.items).toHaveLength(1);
  const watch = await r.watch(`/api/v1/configmaps?${watchList}`);
  await watch.until(({ events }) => events.length === 2);
  put('secretive');
  await watch.until(({ events }) => events.length === 3);
  expect(watch.events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK', 'DELETED']);
  hidden = false;
  r.proxy.context.filters.invalidate('site');
  await watch.until(({ ended }) => ended);
  expect(watch.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  expect((await r.fetch('/api/v1/configmaps')).json.items).toHaveLength(2);
  await until(() => true);
});

test('the user of a token is what its claims say, the identity tells issuers apart', () => {
  const caller = bearerCaller(token(proxyUser));
  expect(caller.user).toBe(proxyUser);
  const other = bearerCaller(
    `x.${Buffer.from(JSON.stringify({ iss: 'evil', sub: proxyUser })).toString('base64url')}.y`,
  );
  expect(other.identity).not.toBe(caller.identity);
  for (const odd of [
    'a.b',
    'a.b.c',
    `a.${Buffer.from('null').toString('base64url')}.c`,
    `a.${Buffer.from('{"sub":1,"iss":2}').toString('base64url')}.c`,
  ]) {
    expect(bearerCaller(odd).identity).toMatch(/^token:[0-9a-f]{64}$/);
  }
});
