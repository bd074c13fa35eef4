import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argumentValue, mergeArguments } from '../../../src/config/arguments.ts';
import { findDocument, parseDocuments, renderDocuments } from '../../../src/config/documents.ts';
import { type Contribution, contribute } from '../../../src/config/edge.ts';
import { edgeDefaults, toEdgeConfiguration, toEdgeDocument } from '../../../src/config/edge-configuration.ts';
import { getField, setDefault, setField } from '../../../src/config/fields.ts';
import { resolveInit } from '../../../src/config/init.ts';
import type { Argument, KubeDocument } from '../../../src/config/types.ts';
import { file, machine } from './support.ts';

const names = fc.constantFrom('v', 'audit-log-path', 'feature-gates', 'service-account-issuer');
const argumentLists = fc.array(fc.record({ name: names, value: fc.string() }), { maxLength: 6 });
const clone = (documents: readonly KubeDocument[]) => structuredClone(documents) as KubeDocument[];

/** Every leaf of the user's documents, by the names on its way. */
function leaves(value: unknown, way: string[] = []): [string[], unknown][] {
  if (typeof value !== 'object' || value === null) return [[way, value]];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...way, key]));
}

function follow(value: unknown, way: string[]): unknown {
  return way.reduce((part: unknown, key) => (part as Record<string, unknown> | undefined)?.[key], value);
}

describe('extra arguments', () => {
  it("keep the user's list as it is, in front", () => {
    fc.assert(
      fc.property(argumentLists, argumentLists, (user, ours) => {
        const merged = mergeArguments(user, ours);
        expect(merged.slice(0, user.length)).toEqual(user);
        for (const { name } of ours) expect(merged.some((argument) => argument.name === name)).toBe(true);
        for (const { name } of user) expect(argumentValue(merged, name)).toBe(argumentValue(user, name));
      }),
    );
  });

  it('merge to the same when merged again', () => {
    fc.assert(
      fc.property(argumentLists, argumentLists, (user, ours) => {
        const once = mergeArguments(user, ours);
        expect(mergeArguments(once, ours)).toEqual(once);
      }),
    );
  });

  it('of ours that repeat stay repeated', () => {
    const issuers: Argument[] = [
      { name: 'service-account-issuer', value: 'a' },
      { name: 'service-account-issuer', value: 'b' },
    ];
    expect(mergeArguments([], issuers)).toEqual(issuers);
  });
});

describe('a contribution of an addon', () => {
  const contribution: Contribution = {
    apiServer: {
      extraArgs: [{ name: 'egress-selector-config-file', value: '/etc/kubernetes/egress.yaml' }],
      extraVolumes: [
        { name: 'egress', hostPath: '/etc/kubernetes/egress', mountPath: '/etc/kubernetes/egress' },
      ],
      certSANs: ['169.254.20.11'],
    },
    kubelet: { imageGCHighThresholdPercent: 95 },
  };

  it("joins the user's fields and is idempotent", () => {
    const documents: KubeDocument[] = [
      {
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'ClusterConfiguration',
        apiServer: {
          extraArgs: [
            { name: 'v', value: '2' },
            { name: 'v', value: '3' },
          ],
          extraVolumes: [{ name: 'egress', hostPath: '/mine', mountPath: '/mine' }],
          certSANs: ['api.example.org'],
        },
      },
    ];
    contribute(documents, contribution);
    const once = clone(documents);
    contribute(documents, contribution);
    expect(documents).toEqual(once);
    expect(getField(documents[0], 'apiServer')).toEqual({
      extraArgs: [
        { name: 'v', value: '2' },
        { name: 'v', value: '3' },
        { name: 'egress-selector-config-file', value: '/etc/kubernetes/egress.yaml' },
      ],
      extraVolumes: [{ name: 'egress', hostPath: '/mine', mountPath: '/mine' }],
      certSANs: ['api.example.org', '169.254.20.11'],
    });
    expect(findDocument(documents, 'KubeletConfiguration')).toMatchObject({
      imageGCHighThresholdPercent: 95,
    });
  });
});

describe('merging what edge needs', () => {
  const kubelet = fc.record(
    {
      cgroupDriver: fc.constantFrom('systemd', 'cgroupfs'),
      serverTLSBootstrap: fc.boolean(),
      rotateCertificates: fc.boolean(),
      failCgroupV1: fc.boolean(),
      maxPods: fc.integer({ min: 1, max: 500 }),
      evictionHard: fc.dictionary(
        fc.constantFrom('memory.available', 'nodefs.available'),
        fc.constantFrom('1%', '100Mi'),
      ),
      clusterDNS: fc.array(fc.ipV4(), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );
  const cluster = fc.record(
    {
      clusterName: fc.constantFrom('a', 'b'),
      networking: fc.record(
        { podSubnet: fc.constantFrom('10.1.0.0/16', '10.2.0.0/16'), dnsDomain: fc.constant('x.local') },
        { requiredKeys: [] },
      ),
      controlPlaneEndpoint: fc.constantFrom('192.0.2.100:6443', 'api.example.org'),
      apiServer: fc.record(
        {
          extraArgs: argumentLists,
          certSANs: fc.array(fc.constantFrom('a.example.org', '192.0.2.100'), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      controllerManager: fc.record({ extraArgs: argumentLists }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  );
  const init = fc.record(
    {
      nodeRegistration: fc.record(
        { name: fc.constant('n-1'), kubeletExtraArgs: argumentLists, taints: fc.constant([]) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  const documents = fc.tuple(cluster, init, kubelet).map(([cluster, init, kubelet]): KubeDocument[] => [
    { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'ClusterConfiguration', ...cluster },
    { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'InitConfiguration', ...init },
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...kubelet },
  ]);
  const resolve = (given: readonly KubeDocument[]) =>
    resolveInit({
      flags: {},
      config: file(renderDocuments(given)),
      machine: { ...machine, cgroupVersion: 1 },
    }).documents;

  it('never loses or changes a field of the user', () => {
    fc.assert(
      fc.property(documents, (given) => {
        const merged = resolve(given);
        for (const document of given) {
          const result = findDocument(merged, document.kind);
          for (const [way, value] of leaves(document)) expect(follow(result, way), way.join()).toEqual(value);
        }
      }),
    );
  });

  it('changes nothing when done again', () => {
    fc.assert(
      fc.property(documents, (given) => {
        const once = resolve(given);
        expect(resolve(once)).toEqual(once);
      }),
    );
  });
});

describe('fields by path', () => {
  it('are made on the way, lists where a number follows', () => {
    const document = {};
    setField(document, 'bootstrapTokens.0.ttl', '1h');
    setField(document, 'bootstrapTokens.0.token', 'x');
    expect(document).toEqual({ bootstrapTokens: [{ ttl: '1h', token: 'x' }] });
  });

  it('that are null count as absent, false and 0 do not', () => {
    const document = { a: null, b: false, c: 0 };
    expect(['a', 'b', 'c', 'd'].map((path) => setDefault(document, path, 1))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(document).toEqual({ a: 1, b: false, c: 0, d: 1 });
  });

  it('do not reach into prototypes', () => {
    expect(getField({}, 'constructor.name')).toBeUndefined();
    expect(getField('text', 'length')).toBeUndefined();
  });
});

describe('EdgeConfiguration', () => {
  const read = (text: string) =>
    toEdgeConfiguration(
      parseDocuments(file(`apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n${text}`))[0],
      machine,
    );

  it('is all defaults when there is none', () => {
    expect(toEdgeConfiguration(undefined, machine)).toEqual(edgeDefaults(machine));
  });

  it('merges mappings field by field', () => {
    expect(read('cni: {flannel: {mtu: 1400}}\nruntime: {ignore: true}\nha:\n')).toEqual({
      ...edgeDefaults(machine),
      cni: { name: 'flannel', flannel: { backend: 'vxlan', mtu: 1400 } },
      runtime: { ...edgeDefaults(machine).runtime, ignore: true },
    });
  });

  it('takes addons as a switch or as settings', () => {
    expect(read('addons: {a: false, b: true, c: , d: {replicas: 2}}').addons).toEqual({
      a: { enabled: false, settings: {} },
      b: { enabled: true, settings: {} },
      c: { enabled: true, settings: {} },
      d: { enabled: true, settings: { replicas: 2 } },
    });
  });

  it('takes sysctls as numbers', () => {
    expect(read('node: {sysctls: {net.core.somaxconn: 1024}}').node.sysctls).toEqual({
      'net.core.somaxconn': '1024',
    });
  });

  it('comes back from its own document', () => {
    const edge = read(
      'addons: {a: false, b: true, d: {replicas: 2}}\nimages: {mirrors: {docker.io: [https://m]}}\n',
    );
    const text = renderDocuments([toEdgeDocument(edge)]);
    expect(toEdgeConfiguration(parseDocuments(file(text))[0], machine)).toEqual(edge);
  });
});
