import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programNode } from '../../src/playground/node-package.ts';
import { createCertificate } from '../fakes/pki.ts';
import { shellImage } from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { backends, nodeAnswers } from './support/tunnel.ts';

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);

/** Answers admission reviews with a no, and a GET with a word. */
const webhookScript = `
require('https').createServer({ key: process.env.KEY, cert: process.env.CERT }, (request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    if (request.method === 'GET') return response.end('from the edge');
    const { uid } = JSON.parse(body).request;
    const answer = { uid, allowed: false, status: { message: 'the edge says no' } };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
  });
}).listen(9443);`;

describe('an edge node that nobody can open a connection to', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let worker: TestNode;
  let image: string;
  const kubectl = (...args: string[]) => playground.kubectl(args);
  const apply = (...objects: object[]) =>
    playground.kubectl(['apply', '-f', '-'], {
      input: objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    });
  const proxied = (node: TestNode) => nodeAnswers(playground.controlPlane, node);

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, workers: 1, bare: false });
    edge = playground.node('edge-1');
    worker = playground.node('worker-1');
    image = await shellImage(playground.kubectl);
    const { address } = playground.controlPlane;
    // As behind NAT: what the control plane begins, pod traffic included, is lost.
    await edge.run(['nft', '-f', '-'], {
      input: `table inet nat_like {
  chain input { type filter hook input priority -10; ip saddr ${address} ct state new drop; }
}\n`,
    });
    await apply(...[edge, worker].map(client));
    await kubectl('wait', '--for=condition=Ready', 'pods', '--all', '--timeout=60s');
  });
  afterAll(() => playground?.delete());

  const client = (node: TestNode) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: node.short },
    spec: {
      nodeName: node.name,
      terminationGracePeriodSeconds: 0,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Never',
          command: ['busybox', 'sh', '-c', `echo started on ${node.short}; exec busybox sleep 3600`],
        },
      ],
    },
  });

  test('is reached by no other way', async () => {
    const { exitCode } = await playground.controlPlane.sh(
      `timeout 3 bash -c 'echo > /dev/tcp/${edge.address}/10250'`,
      { allowFailure: true },
    );
    expect(exitCode).not.toBe(0);
  });

  test.each(['edge-1', 'worker-1'])('%s: logs, exec and the proxy of the node work', async (short) => {
    const node = playground.node(short);
    expect((await kubectl('logs', short)).stdout).toBe(`started on ${short}\n`);
    const echoed = await playground.kubectl(['exec', '-i', short, '--', 'busybox', 'cat'], {
      input: 'through\n',
    });
    expect(echoed.stdout).toBe('through\n');
    expect(await proxied(node)).toBe('ok');
    const summary = await kubectl('get', '--raw', `/api/v1/nodes/${node.name}/proxy/stats/summary`);
    expect(JSON.parse(summary.stdout)).toMatchObject({ node: { nodeName: node.name } });
  });

  test('port-forward works', async () => {
    const [pod] = (
      await playground.kubectlJson<{ items: { metadata: { name: string } }[] }>([
        'get',
        'pods',
        '--namespace=kube-system',
        '--selector=app.kubernetes.io/component=edge',
      ])
    ).items;
    const script = `kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system port-forward "$1" 18093:8093 >/dev/null 2>&1 &
pid=$!
for i in $(seq 100); do curl -sf http://127.0.0.1:18093/readyz && break; sleep 0.1; done
kill $pid`;
    const { stdout } = await playground.controlPlane.run(['sh', '-c', script, 'sh', pod!.metadata.name]);
    expect(stdout).toBe('ok');
  });

  test('a webhook on it is asked, and its Service proxied', async () => {
    const authority = createCertificate({ commonName: 'webhook', ca: true });
    const name = 'edge-webhook.default.svc';
    const serving = createCertificate({ commonName: name, names: [name], issuer: authority });
    const labels = { app: 'edge-webhook' };
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'edge-webhook', labels },
        spec: {
          nodeName: edge.name,
          hostNetwork: true,
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'main',
              image,
              imagePullPolicy: 'Never',
              command: ['busybox', 'chroot', '/host', programNode, '-e', webhookScript],
              env: [
                { name: 'KEY', value: serving.key },
                { name: 'CERT', value: serving.cert },
              ],
              readinessProbe: { tcpSocket: { port: 9443 }, periodSeconds: 1 },
              volumeMounts: [{ name: 'host', mountPath: '/host', readOnly: true }],
            },
          ],
          volumes: [{ name: 'host', hostPath: { path: '/' } }],
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'edge-webhook' },
        spec: { selector: labels, ports: [{ port: 443, targetPort: 9443 }] },
      },
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/edge-webhook', '--timeout=60s');
    await apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'edge-webhook' },
      webhooks: [
        {
          name: 'edge.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          objectSelector: { matchLabels: { ask: 'edge' } },
          rules: [
            { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] },
          ],
          clientConfig: {
            caBundle: Buffer.from(authority.cert).toString('base64'),
            service: { name: 'edge-webhook', namespace: 'default' },
          },
        },
      ],
    });
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'asked', labels: { ask: 'edge' } },
    };
    const refusal = await poll(
      'the webhook',
      async () => {
        const { stderr } = await playground.kubectl(['create', '-f', '-', '--dry-run=server'], {
          input: JSON.stringify(configMap),
          allowFailure: true,
        });
        return stderr.includes('denied the request') ? stderr : undefined;
      },
      { timeoutMs: 30_000 },
    );
    expect(refusal).toContain('the edge says no');
    const path = '/api/v1/namespaces/default/services/https:edge-webhook:443/proxy/';
    expect((await kubectl('get', '--raw', path)).stdout).toBe('from the edge');
    await kubectl(
      'delete',
      'validatingwebhookconfiguration/edge-webhook',
      'service/edge-webhook',
      'pod/edge-webhook',
    );
  });

  test("who has no token of the agents' own is no agent", async () => {
    const [agent] = (
      await playground.kubectlJson<{
        items: { spec: { template: { spec: { containers: { image: string }[] } } } }[];
      }>(['get', 'daemonsets', '--namespace=kube-system', '--selector=app.kubernetes.io/component=edge'])
    ).items;
    const before = await backends(playground.controlPlane);
    const thief = (name: string, port: number, ...more: string[]) => ({
      name,
      image: agent!.spec.template.spec.containers[0]!.image,
      imagePullPolicy: 'Never',
      args: [
        `--proxy-server-host=${playground.controlPlane.address}`,
        '--proxy-server-port=8132',
        '--ca-cert=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
        `--agent-id=thief-${name}`,
        `--agent-identifiers=host=${worker.address}&default-route=true`,
        '--health-server-host=127.0.0.1',
        `--health-server-port=${port}`,
        `--admin-server-port=${port + 1}`,
        ...more,
      ],
      volumeMounts: [{ name: 'token', mountPath: '/tokens' }],
    });
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'thief' },
      spec: {
        nodeName: edge.name,
        hostNetwork: true,
        terminationGracePeriodSeconds: 0,
        containers: [
          thief('without', 18200),
          thief(
            'own',
            18210,
            '--service-account-token-path=/var/run/secrets/kubernetes.io/serviceaccount/token',
          ),
          thief('audience', 18220, '--service-account-token-path=/tokens/token'),
        ],
        volumes: [
          {
            name: 'token',
            projected: {
              sources: [{ serviceAccountToken: { path: 'token', audience: 'system:konnectivity-server' } }],
            },
          },
        ],
      },
    });
    const server = `konnectivity-server-${playground.controlPlane.name}`;
    for (const [name, reason] of [
      ['without', 'Authentication context was not found'],
      ['own', 'Failed to validate authentication token'],
      ['audience', 'incoming request from \\"default\\" namespace'],
    ] as const) {
      let heard: string[] = [];
      const refused = async () => {
        const { stdout } = await kubectl('logs', '--namespace=kube-system', server);
        heard = stdout.split('\n').filter((line) => line.includes(`"thief-${name}"`));
        return heard.some((line) => line.includes(reason)) ? true : undefined;
      };
      await poll(`the refusal of ${name}`, refused, { timeoutMs: 60_000 }).catch((error) => {
        throw new Error(`the server says of thief-${name}: ${heard.join('\n')}`, { cause: error });
      });
      expect(heard.filter((line) => line.includes('Agent connected'))).toEqual([]);
    }
    expect(await backends(playground.controlPlane)).toEqual(before);
    await kubectl('delete', 'pod/thief', '--wait=false');
  });

  test('has an agent that is small', async () => {
    const { stdout } = await edge.sh('grep -hE "^(VmRSS|RssAnon)" /proc/$(pgrep -xo proxy-agent)/status');
    const [rss, anon] = [...stdout.matchAll(/(\d+) kB/g)].map(([, kb]) => Number(kb) / 1024);
    console.log(
      `the agent of an edge node has ${rss!.toFixed(0)} MB resident, ${anon!.toFixed(0)} of them its own`,
    );
    expect(rss).toBeLessThan(80);
  });

  test('is reached again once its link is back', async () => {
    const cut = performance.now();
    const known = (await backends(playground.controlPlane)).destHost!;
    await edge.disconnect();
    await poll(
      'the server to notice',
      async () => ((await backends(playground.controlPlane)).destHost! < known ? true : undefined),
      { timeoutMs: 120_000 },
    );
    console.log(`the server noticed the cut link after ${seconds(cut)} s`);
    await edge.connect();
    const back = performance.now();
    await poll('the node', () => proxied(edge), { timeoutMs: 90_000 });
    console.log(`the node was reached ${seconds(back)} s after its link was back`);
  });

  test('is reached again after the certificates of the server were renewed', async () => {
    const { controlPlane } = playground;
    const script = `const s = require('tls').connect(8132, '127.0.0.1', { rejectUnauthorized: false }, () => {
  console.log(s.getPeerCertificate().fingerprint256); process.exit(); }); s.on('error', () => process.exit(1));`;
    const shown = async () => {
      const { stdout } = await controlPlane.run([programNode, '-e', script], { allowFailure: true });
      return stdout.trim();
    };
    const before = await shown();
    expect(before).toMatch(/^[0-9A-F:]+$/);
    const started = performance.now();
    const renewed = await controlPlane.edgeadm(['certs', 'renew', 'konnectivity-server']);
    expect(renewed.result).toMatchObject({ ok: true, data: { renewed: true } });
    await poll(
      'a server with the new certificate',
      async () => {
        const now = await shown();
        return now !== '' && now !== before ? true : undefined;
      },
      { timeoutMs: 90_000 },
    );
    await poll('the node', () => proxied(edge), { timeoutMs: 90_000 });
    console.log(`with new certificates the node was reached ${seconds(started)} s after their renewal began`);
    const { stdout } = await controlPlane.run(['edgeadm', 'certs', 'check-expiration']);
    expect(stdout).toMatch(/^konnectivity-server +\w{3} .* UTC +36\dd +ca$/m);
    expect(stdout).toMatch(/^konnectivity-server\.conf +\w{3} .* UTC +36\dd +ca$/m);
  });
});
