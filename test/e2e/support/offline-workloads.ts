import type { Question } from './look.ts';
import { testServerImage } from './test-server.ts';

/** Namespace of all of it. */
export const namespace = 'shop';
/** What the Pods of `full` must find. */
export const given = { price: 'tea 3', pin: '4711', audience: 'bank' };

interface PodOptions {
  args?: readonly string[];
  /** More of the Pod's `spec`. */
  spec?: object;
  /** More of its container. */
  container?: object;
}

const meta = (name: string) => ({ name, namespace });
const env = (name: string, source: object) => ({ name, valueFrom: source });
const fieldRef = (fieldPath: string) => ({ fieldRef: { fieldPath } });

function template(app: string, { args = [], spec = {}, container = {} }: PodOptions = {}): object {
  return {
    metadata: { labels: { app } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [
        {
          name: 'server',
          image: testServerImage,
          imagePullPolicy: 'Never',
          args,
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          ...container,
          env: [env('POD_NAME', fieldRef('metadata.name')), ...((container as { env?: object[] }).env ?? [])],
        },
      ],
    },
  };
}

function workload(kind: string, name: string, spec: object, pod?: PodOptions): object {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: meta(name),
    spec: { selector: { matchLabels: { app: name } }, ...spec, template: template(name, pod) },
  };
}

function service(name: string, { app = name, ...more }: { app?: string; clusterIP?: string } = {}): object {
  const ports = [{ port: 80, targetPort: 8080 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name),
    spec: { selector: { app }, ports, ...more },
  };
}

const on = (hostname: string) => ({ nodeSelector: { 'kubernetes.io/hostname': hostname } });

/** A Pod with everything that a kubelet must get for it: files, variables, a token for somebody else, an init container. */
const full = (hostname: string): PodOptions => ({
  spec: {
    ...on(hostname),
    initContainers: [
      {
        name: 'prepare',
        image: testServerImage,
        imagePullPolicy: 'Never',
        args: ['copy', '/prices/tea', '/prepared/tea'],
        volumeMounts: [
          { name: 'prices', mountPath: '/prices' },
          { name: 'prepared', mountPath: '/prepared' },
        ],
      },
    ],
    volumes: [
      { name: 'prices', configMap: { name: 'prices' } },
      { name: 'till', secret: { secretName: 'till' } },
      { name: 'prepared', emptyDir: {} },
      {
        name: 'bank',
        projected: {
          sources: [{ serviceAccountToken: { path: 'token', audience: given.audience } }],
        },
      },
    ],
  },
  container: {
    env: [
      env('PIN', { secretKeyRef: { name: 'till', key: 'pin' } }),
      env('PRICE', { configMapKeyRef: { name: 'prices', key: 'tea' } }),
    ],
    volumeMounts: [
      { name: 'prices', mountPath: '/prices' },
      { name: 'till', mountPath: '/till' },
      { name: 'prepared', mountPath: '/prepared' },
      { name: 'bank', mountPath: '/bank' },
    ],
  },
});

export const common: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('prices'), data: { tea: given.price } },
  { apiVersion: 'v1', kind: 'Secret', metadata: meta('till'), stringData: { pin: given.pin } },
];

/** Ten Pods on one node. */
export const tenPods = (hostname: string): object[] => [
  workload('Deployment', 'web', { replicas: 3 }, { spec: on(hostname) }),
  workload(
    'StatefulSet',
    'db',
    { replicas: 2, serviceName: 'db', podManagementPolicy: 'Parallel' },
    { spec: on(hostname) },
  ),
  workload('Deployment', 'full', { replicas: 2 }, full(hostname)),
  workload('Deployment', 'client', { replicas: 1 }, { spec: on(hostname) }),
  workload(
    'Deployment',
    'host',
    { replicas: 1 },
    {
      spec: { ...on(hostname), hostNetwork: true },
      args: ['-port', '18080'],
      container: { readinessProbe: { httpGet: { path: '/', port: 18080 } } },
    },
  ),
  workload('DaemonSet', 'every', {}, { spec: on(hostname) }),
  service('web'),
  service('full'),
  service('db', { clusterIP: 'None' }),
];

export const tenPodsRollouts = [
  'deploy/web',
  'sts/db',
  'deploy/full',
  'deploy/client',
  'deploy/host',
  'ds/every',
];

const name = (service: string) => `${service}.${namespace}.svc.cluster.local`;
/** A name of a headless Service leads to the Pods themselves, so to their port. */
const ask = (service: string, times: number, port = '') =>
  `/ask?times=${times}&url=http://${name(service)}${port}/`;

/** What must be so for the ten Pods: Services and DNS answer, and `full` has what it was given. `address` is one of the node. */
export const tenPodsQuestions = (address = '169.254.20.11'): readonly Question[] => [
  { from: 'client-', path: ask('web', 20), pods: ['web-'] },
  { from: 'client-', path: ask('full', 12), pods: ['full-'] },
  { from: 'db-0', path: ask('db-1.db', 1, ':8080'), answers: ['db-1'] },
  // Its own Service, by way of which it may be asked itself.
  { from: 'web-', path: ask('web', 20), pods: ['web-'] },
  { from: 'client-', path: `/resolve?name=${name('db')}`, addresses: ['db-0', 'db-1'] },
  { from: 'client-', path: '/resolve?name=kubernetes.default.svc.cluster.local', answers: ['10.96.0.1'] },
  { from: 'client-', path: `/ask?times=2&url=http://${address}:18080/`, pods: ['host-'] },
  ...['/prices/tea', '/prepared/tea'].map((path) => inFull(`/file?path=${path}`, given.price)),
  inFull('/file?path=/till/pin', given.pin),
  inFull('/env?name=PIN', given.pin),
  inFull('/env?name=PRICE', given.price),
];

function inFull(path: string, answer: string): Question {
  return {
    from: 'client-',
    path: `/ask?times=6&url=${encodeURIComponent(`http://${name('full')}${path}`)}`,
    answers: [answer],
  };
}

/** A Pod on each of two nodes, each asking the other's Service, both by one Service, and both by their own addresses. */
export function pair(hostnames: readonly [string, string]): object[] {
  const urls = [name('left'), name('right'), name('both'), `${name('both-pods')}:8080`]
    .map((each) => `http://${each}/`)
    .join(',');
  const half = (app: string, hostname: string) => {
    const pod = template('', { spec: on(hostname), args: ['-traffic', urls] }) as { metadata: object };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta(app),
      spec: {
        selector: { matchLabels: { half: app } },
        template: { ...pod, metadata: { labels: { app: 'both', half: app } } },
      },
    };
  };
  const one = (app: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(app),
    spec: { selector: { half: app }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  return [
    half('left', hostnames[0]),
    half('right', hostnames[1]),
    one('left'),
    one('right'),
    service('both'),
    service('both-pods', { app: 'both', clusterIP: 'None' }),
  ];
}
