// Runs on an edge node: asks the API server direct and through the node-local proxy, in turn. The argument is a `Wanted` of
// lite-node.ts, the output its `Times`; the token comes on a line of stdin, as arguments are seen by every process.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

const { direct, proxied, get, list, gets, lists } = JSON.parse(process.argv[2]);
const token = (await text(process.stdin)).trim();
const ca = readFileSync('/etc/kubernetes/pki/ca.crt');
const agents = {
  direct: new https.Agent({ keepAlive: true, ca }),
  proxied: new https.Agent({ keepAlive: true, ca }),
};
const hosts = { direct, proxied };

function ask(way, path, encoding = 'identity') {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'accept-encoding': encoding,
  };
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const request = https.get(`https://${hosts[way]}${path}`, { agent: agents[way], headers }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve({ ms: performance.now() - began });
        else reject(new Error(`${way} ${path}: ${answer.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}

const ways = ['direct', 'proxied'];
const times = {
  get: { direct: [], proxied: [] },
  list: { direct: [], proxied: [] },
  gzip: { direct: [], proxied: [] },
};
// Until V8 has compiled what it will: a proxy runs for months.
for (let i = 0; i < 1000; i++) for (const way of ways) await ask(way, get);
const begin = performance.now();
for (let i = 0; i < 2 * gets; i++) {
  const way = ways[i % 2];
  times.get[way].push((await ask(way, get)).ms);
  await setTimeout(Math.max(0, begin + (i + 1) * 10 - performance.now()));
}
for (let i = -3; i < lists; i++) {
  for (const way of ways) {
    for (const [name, encoding] of [
      ['list', 'identity'],
      ['gzip', 'gzip'],
    ]) {
      const { ms } = await ask(way, list, encoding);
      if (i >= 0) times[name][way].push(ms);
      // What the proxy reads for its cache it reads when the client has everything.
      await setTimeout(500);
    }
  }
}
process.stdout.write(JSON.stringify(times));
