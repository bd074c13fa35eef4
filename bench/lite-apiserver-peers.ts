/** The process of the fake peers of bench/lite-apiserver.ts, in a network of its own: `FILE` is JSON with who they are. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';

export interface PeersFacts {
  /** Port of the health part. */
  port: number;
  peers: { name: string; address: string; cert: string; key: string }[];
}

const { port, peers } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as PeersFacts;
// The addresses come when this process has a link.
await once(process, 'message');
for (const { name, address, cert, key } of peers) {
  const answer = JSON.stringify({ node: name, online: true, kubelet: true });
  const server = https.createServer({ cert, key, keepAliveTimeout: 330_000 }, (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(answer);
  });
  server.listen(port, address);
  await once(server, 'listening');
}
process.send?.({});
