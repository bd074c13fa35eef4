/** The process of the fake API server of bench/lite-apiserver.ts: `FILE` is JSON with what it is to be. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Constructed, fromBER } from 'asn1js';
import { formatPeers, type Peer, peersKey, peersNamespace } from '../src/edge/health/protocol.ts';
import { type Authority, createCertificate } from '../test/fakes/pki.ts';
import { UpstreamApiserver } from '../test/fakes/upstream-apiserver.ts';

export interface UpstreamFacts {
  nodeName: string;
  serving: { cert: string; key: string };
  authority: { cert: string; key: string; subject: string };
  peers: Peer[];
}

/** Changes on command: `stream` of endpoints, `heartbeats` of nodes, or `changes` of pods. */
export interface UpstreamCommand {
  do: 'stream' | 'heartbeats' | 'changes';
  seconds: number;
  eventsPerSecond?: number;
}

/** 5 MB of ConfigMaps, 110 pods, peers for the node, and a signer that approves all. */
async function run({ nodeName, serving, authority, peers }: UpstreamFacts): Promise<void> {
  const server = new UpstreamApiserver(serving, authority.cert);
  const meta = (name: string) => ({ name, namespace: 'default' });
  for (let i = 0; i < 1000; i++)
    server.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta(`c${i}`),
      data: { text: `${i} `.repeat(950) },
    });
  server.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: nodeName, namespace: peersNamespace },
    data: { [peersKey]: formatPeers({ probeSeconds: 5, peers }) },
  });
  const env = Array.from({ length: 40 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value ${i}` }));
  const putPod = (i: number, phase: string) =>
    server.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: meta(`p${i}`),
      spec: { nodeName, containers: [{ name: 'c', image: 'x', env }] },
      status: { phase },
    });
  for (let i = 0; i < 110; i++) putPod(i, 'Running');
  const putNode = (name: string, beat: number) =>
    server.put('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: String(beat) }] },
    });
  for (let i = 0; i < 10; i++) putNode(i === 0 ? nodeName : `other-${i}`, 0);
  sign(server, authority, nodeName);
  await server.start();
  const each = async (seconds: number, perSecond: number, act: (i: number) => void) => {
    const begin = performance.now();
    for (let i = 0; i < seconds * perSecond; ) {
      for (
        const due = ((performance.now() - begin) / 1000) * perSecond;
        i < due && i < seconds * perSecond;
        i++
      )
        act(i);
      await sleep(2);
    }
  };
  process.on('message', async (message: UpstreamCommand) => {
    const { seconds, eventsPerSecond = 0 } = message;
    if (message.do === 'stream') {
      await each(seconds, eventsPerSecond, (i) =>
        server.put('endpoints', {
          apiVersion: 'v1',
          kind: 'Endpoints',
          metadata: meta(`e${i % 200}`),
          at: Date.now(),
          subsets: env,
        }),
      );
    } else if (message.do === 'heartbeats')
      await each(seconds, 5, (i) => putNode(i % 10 === 0 ? nodeName : `other-${i % 10}`, i + 1));
    else await each(seconds, 1, (i) => putPod(i % 110, `Phase${i}`));
    process.send?.({});
  });
  process.send?.({ port: Number(new URL(server.url).port) });
}

/** Signs what the node asks for at once, with the names that every bench node has. */
function sign(server: UpstreamApiserver, authority: UpstreamFacts['authority'], nodeName: string): void {
  server.answers.set('POST /apis/certificates.k8s.io/v1/certificatesigningrequests', (body) => {
    const { spec } = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as {
      spec: { request: string };
    };
    const { cert } = createCertificate({
      commonName: `system:node:${nodeName}`,
      organization: 'system:nodes',
      names: ['kubernetes.default.svc', '127.0.0.1'],
      issuer: signer(authority),
      publicKey: publicKeyOf(Buffer.from(spec.request, 'base64').toString('utf8')),
    });
    return server.put('certificatesigningrequests', {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'edgeadm-lite-apiserver-bench' },
      status: { certificate: Buffer.from(cert).toString('base64') },
    });
  });
}

function signer({ cert, key, subject }: UpstreamFacts['authority']): Authority {
  const { privateKey, publicKey } = { privateKey: createPrivateKey(key), publicKey: createPublicKey(cert) };
  return { cert, key, subject: Buffer.from(subject, 'base64'), privateKey, publicKey };
}

/** SubjectPublicKeyInfo is the third field of what is signed in a PKCS#10 request (RFC 2986). */
function publicKeyOf(pem: string) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const fields = (block: unknown) => (block as Constructed).valueBlock.value;
  const info = fields(fromBER(new Uint8Array(der)).result)[0];
  return createPublicKey({ key: Buffer.from(fields(info)[2]!.toBER()), format: 'der', type: 'spki' });
}

await run(JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as UpstreamFacts);
