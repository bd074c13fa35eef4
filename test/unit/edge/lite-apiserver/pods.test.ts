import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { podsOf } from '../../../../src/edge/lite-apiserver/pods/kept.ts';
import { readPods } from '../../../../src/edge/lite-apiserver/status-client.ts';
import { pod, podsOfNode, rig } from './rig.ts';

const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'till', namespace: 'default' } };
const spec = {
  nodeName: 'edge-1',
  restartPolicy: 'Always',
  containers: [{ name: 'main', image: 'web:1', envFrom: [{ secretRef: { name: 'till' } }] }],
  volumes: [
    {
      name: 'token',
      projected: { sources: [{ serviceAccountToken: {} }, { configMap: { name: 'kube-root-ca.crt' } }] },
    },
  ],
};

test("what a pod needs is here once the kubelet has read it, and nobody else's reading counts", async () => {
  const socket = join(mkdtempSync(join(tmpdir(), 'pods-')), 's.sock');
  onTestFinished(() => rmSync(dirname(socket), { recursive: true }));
  const r = await rig({ statusSocket: socket });
  expect(await readPods(socket)).toBeNull();
  const uid = r.upstream.put('pods', pod('web', { spec })).metadata.uid;
  r.upstream.put('secrets', secret);
  await r.fetch(podsOfNode);
  const needs = async () => (await readPods(socket))?.[0];
  expect(await needs()).toMatchObject({
    name: 'web',
    images: [{ image: 'web:1' }],
    inputs: [
      { kind: 'Secret', name: 'till', kept: false },
      { kind: 'ConfigMap', name: 'kube-root-ca.crt', kept: false },
    ],
    tokens: [{ serviceAccount: 'default', kept: false }],
  });
  r.upstream.tokens.set('someone', 'system:serviceaccount:default:someone');
  await r.fetch('/api/v1/namespaces/default/secrets/till', { as: { token: 'someone' } });
  expect((await needs())?.inputs[0]?.kept).toBe(false);
  await r.fetch('/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dtill');
  await r.fetch('/api/v1/namespaces/default/configmaps/kube-root-ca.crt');
  const body = JSON.stringify({
    spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid } },
  });
  const headers = { 'content-type': 'application/json' };
  await r.fetch('/api/v1/namespaces/default/serviceaccounts/default/token', {
    method: 'POST',
    body,
    headers,
  });
  expect(await needs()).toMatchObject({
    inputs: [{ kept: true }, { kept: false }],
    tokens: [{ kept: true }],
  });
  // The ConfigMap is not in the cluster: that there is none is known too, and does not count as here.
  expect(podsOf(r.proxy.context)?.[0]?.inputs[1]?.kept).toBe(false);
});
