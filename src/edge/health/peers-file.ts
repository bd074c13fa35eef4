import { readFile } from 'node:fs/promises';
import { replaceFile } from '../../host/files/replace.ts';
import { formatPeers, type Peers, parsePeers } from './protocol.ts';

/** Peers as they were told last, for a node that starts without the cloud. undefined when there are none. */
export async function readPeersFile(file: string): Promise<Peers | undefined> {
  return parsePeers(await readFile(file, 'utf8').catch(() => undefined));
}

export async function writePeersFile(file: string, peers: Peers): Promise<void> {
  await replaceFile(file, { bytes: Buffer.from(`${formatPeers(peers)}\n`) }, { mode: 0o600 });
}
