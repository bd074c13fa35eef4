import { expect, test } from 'vitest';
import { needsOf } from '../../../../src/edge/lite-apiserver/pods/needs.ts';

const all = { object: () => true, token: () => true };
const metadata = { namespace: 'shop', name: 'web', uid: 'u1' };

test('everything that a pod reads before its containers start', () => {
  const asked: string[] = [];
  const needs = needsOf(
    {
      metadata,
      spec: {
        serviceAccountName: 'seller',
        initContainers: [{ image: 'init:1', envFrom: [{ secretRef: { name: 'keys' } }] }],
        containers: [
          {
            image: 'web:1',
            imagePullPolicy: 'Always',
            env: [{ valueFrom: { configMapKeyRef: { name: 'settings', optional: true } } }, { value: 'x' }],
            envFrom: [{ configMapRef: { name: 'settings' } }],
          },
        ],
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', configMap: { name: 'maybe', optional: true } },
          { name: 'c', secret: { secretName: 'tls' } },
          { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'e', csi: { driver: 'x' } },
          {
            name: 'kube-api-access',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token' } },
                { configMap: { name: 'kube-root-ca.crt' } },
                { downwardAPI: {} },
                { clusterTrustBundle: { name: 'x' } },
              ],
            },
          },
        ],
      },
    },
    {
      object: (kind, namespace, name) => asked.push(`${kind} ${namespace}/${name}`) > 0,
      token: (pod, account, audience) => asked.push(`token ${pod.uid} ${account} ${audience}`) < 0,
    },
  );
  expect(needs!.images).toEqual([
    { image: 'init:1', pullPolicy: '' },
    { image: 'web:1', pullPolicy: 'Always' },
  ]);
  expect(needs!.inputs.map(({ kind, name, optional }) => `${kind} ${name} ${optional}`)).toEqual([
    ...['Secret keys false', 'ConfigMap settings false', 'ConfigMap maybe true', 'Secret tls false'],
    'ConfigMap kube-root-ca.crt false',
  ]);
  expect(needs!.tokens).toEqual([{ serviceAccount: 'seller', audience: '', kept: false }]);
  expect(needs!.volumes).toEqual([
    ...['d (PersistentVolumeClaim data)', 'e (csi)', 'kube-api-access (clusterTrustBundle)'],
  ]);
  expect(asked).toContain('ConfigMap shop/settings');
  expect(asked).toContain('token u1 seller ');
});

test('a static pod needs its images alone, one that has ended nothing', () => {
  const spec = { containers: [{ image: 'etcd:3', envFrom: [{ secretRef: { name: 'x' } }] }] };
  const mirror = { ...metadata, annotations: { 'kubernetes.io/config.mirror': 'hash' } };
  expect(needsOf({ metadata: mirror, spec }, all)).toMatchObject({
    images: [{ image: 'etcd:3' }],
    inputs: [],
  });
  expect(needsOf({ metadata, spec, status: { phase: 'Succeeded' } }, all)).toBeUndefined();
  expect(needsOf({ metadata: { ...metadata, deletionTimestamp: 'now' }, spec }, all)).toBeUndefined();
});
