import type { NodeProcess } from '../node/part.ts';
import { requestAsNode, statusMessage } from '../node/request.ts';
import { readPeersFile, writePeersFile } from './peers-file.ts';
import { formatPeers, type Peers, parsePeers, peersKey, peersNamespace } from './protocol.ts';

const timeoutMs = 10_000;
const nobody: Peers = { probeSeconds: 5, peers: [] };

/** Whom to probe: as the controller says, and while the cloud is away as it said last. */
export class PeersSource {
  current: Peers = nobody;
  private readonly node: Pick<NodeProcess, 'config' | 'proxy' | 'signal' | 'warn'>;
  private readonly file: string;
  private complaint = '';

  constructor(node: Pick<NodeProcess, 'config' | 'proxy' | 'signal' | 'warn'>, file: string) {
    this.node = node;
    this.file = file;
  }

  async load(): Promise<void> {
    this.current = (await readPeersFile(this.file)) ?? nobody;
  }

  /** Asks the cloud. A failure is told once, and what was known stays. Never rejects. */
  async refresh(): Promise<void> {
    const { config, proxy, signal, warn } = this.node;
    if (!proxy.context.link.online) return;
    try {
      const path = `/api/v1/namespaces/${peersNamespace}/configmaps/${encodeURIComponent(config.nodeName)}`;
      const { status, text } = await requestAsNode(proxy, { method: 'GET', path, signal, timeoutMs });
      // 404: the controller has not come to this node yet, or there is none any more.
      if (status !== 200 && status !== 404) throw new Error(`status ${status} ${statusMessage(text)}`.trim());
      const { data } =
        status === 200 ? (JSON.parse(text) as { data?: Record<string, string> }) : { data: undefined };
      const peers = parsePeers(data?.[peersKey]) ?? nobody;
      this.complaint = '';
      if (formatPeers(peers) === formatPeers(this.current)) return;
      this.current = peers;
      await writePeersFile(this.file, peers);
    } catch (error) {
      const { message } = error as Error;
      if (!signal.aborted && proxy.context.link.online && message !== this.complaint)
        warn(`edge health: peers could not be read: ${message}`);
      this.complaint = message;
    }
  }
}
