import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localApiPort } from '../src/config/edge-node.ts';
import { programNode } from '../src/playground/node-package.ts';
import { createTestPlayground, type TestPlayground } from '../test/e2e/support/playground.ts';
import type { Benchmark, Row } from './benchmark.ts';

const namespace = 'bench';
const objects = 500;
const bytesOfEach = 10_000;

interface Wanted {
  /** `host:port` */
  direct: string;
  proxied: string;
  /** Paths. */
  get: string;
  list: string;
  /** How many of each way. */
  gets: number;
  lists: number;
}

/** Milliseconds of each request. */
interface Times {
  get: { direct: number[]; proxied: number[] };
  list: { direct: number[]; proxied: number[] };
  gzip: { direct: number[]; proxied: number[] };
}

/** The same reads of a client on a real edge node, of the API server direct and through the node's proxy. */
export const liteNode: Benchmark = {
  name: 'lite-node',
  title: 'lite-apiserver on a node',
  text: `A client on an edge node of a playground, with a ServiceAccount's token, asks the API server direct and through the node's proxy, in turn: GETs of its Node object, 100 a second after 1000 that are not counted, and LISTs of ${objects} ConfigMaps, 5 MB.`,
  async run({ package: build, repeats = 15 }) {
    await using playground = await createTestPlayground({ edges: 1, bare: false, package: await build() });
    const node = playground.node('edge-1');
    const token = await prepare(playground);
    const wanted: Wanted = {
      direct: `${playground.controlPlane.address}:6443`,
      proxied: `127.0.0.1:${localApiPort}`,
      get: `/api/v1/nodes/${node.hostname}`,
      list: `/api/v1/namespaces/${namespace}/configmaps`,
      gets: 500,
      lists: repeats,
    };
    const script = await readFile(join(import.meta.dirname, 'lite-node-script.js'), 'utf8');
    const path = '/root/lite-node.mjs';
    await node.write(path, script);
    const { stdout } = await node.run([programNode, path, JSON.stringify(wanted)], {
      input: token,
      timeoutMs: 300_000,
    });
    const times = JSON.parse(stdout) as Times;
    const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
    const at = (values: number[], share: number) => sorted(values)[Math.floor(values.length * share)]!;
    const added = (share: number) => at(times.get.proxied, share) - at(times.get.direct, share);
    const rates = (values: number[]) => values.map((ms) => ((objects * bytesOfEach) / 1e6 / ms) * 1000);
    const list = (what: string, { direct, proxied }: Times['list']): Row => ({
      ...{ what, unit: 'MB/s', ours: rates(proxied), theirs: rates(direct), goal: '≥ 0.8' },
    });
    return {
      rows: [
        { what: 'GET', unit: 'ms', ours: times.get.proxied, theirs: times.get.direct },
        { what: 'GET, added, median', unit: 'ms', ours: [added(0.5)], goal: '≤ 1 ms' },
        { what: 'GET, added, 99th percentile', unit: 'ms', ours: [added(0.99)], goal: '≤ 5 ms' },
        list('LIST with gzip, as client-go asks for it', times.gzip),
        list('LIST without', times.list),
      ],
    };
  },
};

/** Makes the ConfigMaps, and returns the token of a ServiceAccount that may read them and the nodes. */
async function prepare({ kubectl }: TestPlayground): Promise<string> {
  await kubectl(['create', 'namespace', namespace]);
  await kubectl(['create', 'serviceaccount', '-n', namespace, 'reader']);
  await kubectl([
    'create',
    'clusterrolebinding',
    'bench',
    '--clusterrole=cluster-admin',
    `--serviceaccount=${namespace}:reader`,
  ]);
  const items = Array.from({ length: objects }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `c${i}`, namespace },
    data: { text: `${i} `.repeat(bytesOfEach).slice(0, bytesOfEach) },
  }));
  await kubectl(['create', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    timeoutMs: 300_000,
  });
  const { stdout } = await kubectl(['create', 'token', '-n', namespace, 'reader']);
  return stdout.trim();
}
