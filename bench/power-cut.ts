import { type Look, look } from '../test/e2e/support/look.ts';
import {
  common,
  namespace,
  tenPods,
  tenPodsQuestions,
  tenPodsRollouts,
} from '../test/e2e/support/offline-workloads.ts';
import { createTestPlayground, type TestPlayground } from '../test/e2e/support/playground.ts';
import { loadTestServer } from '../test/e2e/support/test-server.ts';
import { alternate, type Benchmark } from './benchmark.ts';

const usual = 2;
const cutsOfEach = 3;

interface Pod {
  metadata: { name: string };
  spec: { hostNetwork?: boolean };
  status: { podIP: string };
}

/** How long a node takes after a power cut: an edge node without the cloud, and a plain worker with it. */
export const powerCut: Benchmark = {
  name: 'power-cut',
  title: 'After a power cut',
  text: `Ten Pods on a node (Deployments, a StatefulSet, a DaemonSet; ConfigMap, Secret, token, init container; in the Pod and in the host's network), ${cutsOfEach} power cuts in each cluster: an edge node without its cloud link, against a worker of a plain cluster with the API server in reach. Seconds from the start of systemd: until the last of the ten processes started, and until every Service, DNS name, file and variable was seen to be right.`,
  async run({ package: build, log, repeats = usual }) {
    const file = await build();
    const way = (edge: boolean) => async (repeat: number) => {
      const counts = edge ? { edges: 1, workers: 0 } : { edges: 0, workers: 1 };
      await using playground = await createTestPlayground({ ...counts, bare: false, package: file });
      const looks = await cutPower(playground, edge);
      for (const { lastPod, allRight } of looks)
        log(
          `${repeat + 1} of ${repeats}, ${edge ? 'edge' : 'plain'}: last Pod ${lastPod} s, all ${allRight} s`,
        );
      return looks;
    };
    const { edge, plain } = await alternate({ edge: way(true), plain: way(false) }, repeats);
    const row = (what: string, figure: (of: Look) => number) => ({
      what: `${what}, offline edge node against online worker`,
      unit: 's' as const,
      ours: edge.flat().map(figure),
      theirs: plain.flat().map(figure),
      goal: '≤ 1.0, and ≤ 10 s',
    });
    return {
      rows: [row('last Pod', ({ lastPod }) => lastPod), row('all right', ({ allRight }) => allRight)],
    };
  },
};

async function cutPower(playground: TestPlayground, edge: boolean): Promise<Look[]> {
  const node = playground.node(edge ? 'edge-1' : 'worker-1');
  await loadTestServer(playground);
  await playground.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...common, ...tenPods(node.hostname)] }),
  });
  for (const workload of tenPodsRollouts)
    await playground.kubectl(['rollout', 'status', '-n', namespace, workload, '--timeout=120s']);
  const { items } = await playground.kubectlJson<{ items: Pod[] }>(['get', 'pods', '-n', namespace]);
  // Addresses of Pods of a plain node are others after each power cut.
  const address = ({ spec, status }: Pod) => (edge && !spec.hostNetwork ? status.podIP : '');
  const wanted = {
    pods: Object.fromEntries(items.map((pod) => [pod.metadata.name, address(pod)])),
    questions: edge ? tenPodsQuestions() : tenPodsQuestions(node.address),
    timeoutMs: 120_000,
  };
  await look(node, wanted);
  if (edge) await node.disconnect();
  const looks: Look[] = [];
  for (let cut = 0; cut < cutsOfEach; cut++) {
    await node.reboot({ powerCut: true });
    const seen = await look(node, wanted);
    if (seen.faults.length > 0) throw new Error(`after power cut ${cut + 1}: ${seen.faults.join('; ')}`);
    looks.push(seen);
  }
  return looks;
}
