import { setTimeout } from 'node:timers/promises';
import { SiteEndpoints } from '../lite-apiserver/filters/site-endpoints.ts';
import { type CertificatePair, watchAuthority, watchPair } from '../lite-apiserver/serve/certificates.ts';
import type { WatchedFiles } from '../lite-apiserver/serve/files.ts';
import type { NodePart, NodeProcess } from '../node/part.ts';
import { requestAsNode, statusMessage } from '../node/request.ts';
import { KubeletWatch } from './kubelet.ts';
import { PeersSource } from './peers-source.ts';
import { Probe } from './probe.ts';
import { type HealthServer, serveHealth } from './server.ts';
import { Site } from './site.ts';
import { Voter } from './voter.ts';

const probeTimeoutMs = 3000;
const patchTimeoutMs = 10_000;
const peersEveryMs = 60_000;
/** A node that has just joined is told its peers a moment later. */
const noPeersEveryMs = 15_000;
const listenEveryMs = 1000;
const lookEveryMs = 5000;

/**
 * The node's part of health: answers its peers, probes them, votes for those that it does not reach, and keeps their
 * endpoints as the site sees them. See docs/edge.md.
 */
export const edgeHealthPart: NodePart = {
  name: 'edge health',
  async run(node) {
    const { config, proxy } = node;
    if (!config.health) return;
    const { link, filters, metrics } = proxy.context;
    const site = new Site(config.nodeName);
    const endpoints = new SiteEndpoints(site);
    filters.add(endpoints);
    proxy.context.peers = () => site.status();
    const voter = new Voter({
      nodeName: config.nodeName,
      unreachable: () => site.unreachable,
      online: () => link.online,
      patch: (path, body) => patchAsNode(node, path, body),
      warn: (message) => node.warn(`edge health: ${message}`),
    });
    metrics.gauge('health_peers', 'Peers that are probed.', () => site.names.length - 1);
    metrics.gauge('health_unreachable_peers', 'Peers that do not answer.', () => site.unreachable.length);
    metrics.gauge('health_votes_total', 'Votes written.', () => voter.count, 'counter');

    const look = () => {
      site.setSelf(link.online);
      if (endpoints.update(site.names)) filters.invalidate(endpoints.name);
      void voter.look();
    };
    link.on('online', look);
    link.on('offline', look);
    try {
      await Promise.all([keepServing(node, config.health.port), keepProbing(node, site, look)]);
    } finally {
      link.off('online', look);
      link.off('offline', look);
    }
  },
};

/** Listens as soon as there is a certificate and the port is free, and takes rotated certificates. */
async function keepServing({ config, proxy, signal, warn }: NodeProcess, port: number): Promise<void> {
  const serving: WatchedFiles<CertificatePair> = watchPair(
    config.serving.certificateFile,
    config.serving.keyFile,
  );
  const kubelet = new KubeletWatch();
  let server: HealthServer | undefined;
  let complaint = '';
  while (!signal.aborted) {
    await kubelet.look();
    const renewed = serving.refresh();
    if (server && renewed && serving.value) server.renew(serving.value);
    if (!server && serving.value) {
      try {
        const online = () => proxy.context.link.online;
        const kubeletAlive = () => kubelet.alive;
        const { nodeName } = config;
        server = await serveHealth({ nodeName, port, pair: serving.value, online, kubeletAlive });
      } catch (error) {
        const { message } = error as Error;
        if (message !== complaint) warn(`edge health: cannot listen: ${message}`);
        complaint = message;
      }
    }
    await setTimeout(server ? lookEveryMs : listenEveryMs, undefined, { signal }).catch(() => {});
  }
  server?.close();
}

async function keepProbing(node: NodeProcess, site: Site, look: () => void): Promise<void> {
  const { config, proxy, signal, log } = node;
  const { port, peersFile } = config.health!;
  const authority = watchAuthority(config.upstream.caFile);
  const source = new PeersSource(node, peersFile);
  const probes = new Map<string, Probe>();
  await source.load();
  let askedAt = Number.NEGATIVE_INFINITY;
  const ask = () => {
    askedAt = Number.NEGATIVE_INFINITY;
  };
  proxy.context.link.on('online', ask);
  while (!signal.aborted) {
    authority.refresh();
    const everyMs = source.current.peers.length > 0 ? peersEveryMs : noPeersEveryMs;
    if (proxy.context.link.online && performance.now() - askedAt >= everyMs) {
      // Spread, so that the nodes of a fleet do not ask in step.
      askedAt = performance.now() - Math.random() * 0.2 * everyMs;
      await source.refresh();
    }
    const { peers, probeSeconds } = source.current;
    site.setPeers(peers.map(({ name }) => name));
    for (const [name, probe] of probes) {
      if (peers.some((peer) => peer.name === name && peer.address === probe.peer.address)) continue;
      probe.close();
      probes.delete(name);
    }
    for (const peer of peers) {
      if (probes.has(peer.name)) continue;
      const options = { port, authority: () => authority.value, timeoutMs: probeTimeoutMs };
      probes.set(peer.name, new Probe(peer, options));
    }
    await Promise.all(
      [...probes].map(async ([name, probe]) => {
        const outcome = await probe.run(signal);
        if (signal.aborted) return;
        const change = site.probed(name, outcome);
        if (change) log(`edge health: peer ${name} is ${change}`);
      }),
    );
    if (signal.aborted) break;
    look();
    const ms = probeSeconds * 1000 * (0.9 + 0.2 * Math.random());
    await setTimeout(ms, undefined, { signal }).catch(() => {});
  }
  proxy.context.link.off('online', ask);
  for (const probe of probes.values()) probe.close();
}

async function patchAsNode({ proxy, signal }: NodeProcess, path: string, body: unknown): Promise<void> {
  const { status, text } = await requestAsNode(proxy, {
    method: 'PATCH',
    path,
    body,
    contentType: 'application/merge-patch+json',
    signal,
    timeoutMs: patchTimeoutMs,
  });
  if (status >= 400) throw new Error(`status ${status} ${statusMessage(text)}`.trim());
}
