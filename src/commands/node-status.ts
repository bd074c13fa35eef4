import { stat } from 'node:fs/promises';
import type { LiteApiserverStatus } from '../edge/lite-apiserver/status.ts';
import { defaultStatusSocket, readStatus } from '../edge/lite-apiserver/status-client.ts';
import { EdgeadmError } from '../errors.ts';
import { paths } from '../host/paths.ts';

export interface StatusPlaces {
  socket: string;
  /** What `edgeadm join` writes on an edge node. */
  configFile: string;
}

/** Asks this node's process. Errors: E_EDGE_NODE when this host is no edge node, or its process does not answer. */
export async function nodeStatus({
  socket = defaultStatusSocket,
  configFile = paths.liteApiserverConfig,
}: Partial<StatusPlaces> = {}): Promise<LiteApiserverStatus> {
  try {
    return await readStatus(socket);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isEdgeNode = await stat(configFile).then(
      () => true,
      () => false,
    );
    if (!isEdgeNode) {
      throw new EdgeadmError('E_EDGE_NODE', `this host is no edge node: ${configFile} is not there`, {
        hint: 'Run it on an edge node. On a control-plane node `kubectl get nodes` shows how nodes stand.',
        cause,
      });
    }
    const why = code === 'ENOENT' || code === 'ECONNREFUSED' ? 'it does not run' : message;
    throw new EdgeadmError('E_EDGE_NODE', `the node-local API proxy does not answer on ${socket}: ${why}`, {
      hint: 'See `systemctl status edgeadm-lite-apiserver` and `journalctl -u edgeadm-lite-apiserver`.',
      cause,
    });
  }
}
