import { renderDocuments } from '../src/config/documents.ts';
import { initConfig } from '../src/playground/cluster-config.ts';
import type { EdgeadmOutcome } from '../src/playground/edgeadm.ts';
import {
  createTestPlayground,
  type TestNode,
  type TestPlayground,
  type TestPlaygroundOptions,
} from '../test/e2e/support/playground.ts';
import { alternate, type Benchmark, parts, seconds } from './benchmark.ts';
import { byHand, equip, type Steps, writeClusterConfig } from './by-hand/node.ts';

const usual = 3;

export interface Times {
  init: number;
  join: number;
  initSteps: Steps;
  joinSteps: Steps;
}

/** `edgeadm init` and `edgeadm join` on bare nodes against the same by hand. */
export const install: Benchmark = {
  name: 'install',
  title: 'init and join',
  text: `On bare test nodes that were just booted, new ones each time: a control-plane node, then a worker, without the edge components. By hand are the scripts in \`bench/by-hand\`, with the same package file and configuration: unpack it (nothing is verified), put programs in place, start containerd, \`ctr images import\`, \`kubeadm init\` or \`join\`, apply flannel and wait for it.`,
  async run({ package: build, log, repeats = usual }) {
    const file = await build();
    const on = (way: (playground: TestPlayground) => Promise<Times>) => async (repeat: number) => {
      await using playground = await bareNodes({ edges: 0, workers: 1, package: file });
      const times = await way(playground);
      log(`${repeat + 1} of ${repeats}: ${JSON.stringify(times)}`);
      return times;
    };
    const { edgeadm, hand } = await alternate(
      { edgeadm: on(withEdgeadm), hand: on(withHand(file)) },
      repeats,
    );
    const row = (what: 'init' | 'join') => ({
      what: `\`edgeadm ${what}\` against by hand`,
      unit: 's' as const,
      ours: edgeadm.map((times) => times[what]),
      theirs: hand.map((times) => times[what]),
      goal: '≤ 1.0',
    });
    const steps = (what: 'initSteps' | 'joinSteps', of: Times[]) => of.map((times) => times[what]);
    return {
      rows: [row('init'), row('join')],
      details: [
        parts({ 'edgeadm init': steps('initSteps', edgeadm), 'edgeadm join': steps('joinSteps', edgeadm) }),
        parts({ 'init by hand': steps('initSteps', hand), 'join by hand': steps('joinSteps', hand) }),
      ].join('\n\n'),
    };
  },
};

const withEdgeadm = (playground: TestPlayground): Promise<Times> =>
  installWith(playground, { edge: false, node: playground.node('worker-1') });

/** `edgeadm init` on the control plane, then `edgeadm join` on `node`. */
export async function installWith(
  { controlPlane, subnet, packagePath }: TestPlayground,
  { edge, node }: { edge: boolean; node: TestNode },
): Promise<Times> {
  const path = '/root/cluster.yaml';
  const documents = initConfig([], { subnet, controlPlanes: 1, address: controlPlane.address });
  await controlPlane.write(path, renderDocuments(documents));
  const common = ['--install-pkg-path', packagePath, `--enable-edge=${edge}`];
  const init = await timed(() => controlPlane.edgeadm(['init', '--config', path, ...common]));
  const { endpoint, token, caCertHash } = (init.outcome.result?.data?.join ?? {}) as Record<string, string>;
  const discovery = ['--token', token!, '--discovery-token-ca-cert-hash', caCertHash!];
  const join = await timed(() => node.edgeadm(['join', endpoint!, ...discovery, ...common]));
  return {
    init: init.took,
    join: join.took,
    initSteps: phases(init.outcome),
    joinSteps: phases(join.outcome),
  };
}

const withHand =
  (file: string) =>
  async (playground: TestPlayground): Promise<Times> => {
    const { controlPlane, packagePath } = playground;
    const worker = playground.node('worker-1');
    for (const node of [controlPlane, worker]) await equip(node, file);
    await writeClusterConfig(playground, file);
    let initSteps: Steps = {};
    const init = await seconds(async () => {
      initSteps = await byHand(controlPlane, 'init', [packagePath]);
    });
    const { stdout } = await controlPlane.run(['kubeadm', 'token', 'create', '--print-join-command']);
    const [, endpoint, token, hash] = /join (\S+) --token (\S+) --discovery-token-ca-cert-hash (\S+)/.exec(
      stdout,
    )!;
    let joinSteps: Steps = {};
    const join = await seconds(async () => {
      joinSteps = await byHand(worker, 'join', [packagePath, endpoint!, token!, hash!]);
    });
    return { init, join, initSteps, joinSteps };
  };

/** Nodes that were just booted, on a machine that has nothing left to write. */
export async function bareNodes(options: TestPlaygroundOptions): Promise<TestPlayground> {
  const playground = await createTestPlayground(options);
  // What others have written is not to be waited for within the time that is taken.
  await playground.controlPlane.run(['sync'], { timeoutMs: 600_000 });
  return playground;
}

async function timed(run: () => Promise<EdgeadmOutcome>) {
  let outcome: EdgeadmOutcome | undefined;
  const took = await seconds(async () => {
    outcome = await run();
  });
  if (outcome?.exitCode !== 0) throw new Error(`edgeadm failed: ${JSON.stringify(outcome?.result)}`);
  return { took, outcome };
}

function phases({ events }: EdgeadmOutcome): Steps {
  const done = events.flatMap((event) => (event.type === 'phase-done' ? [event] : []));
  return Object.fromEntries(done.map(({ phase, seconds: took }) => [phase, took]));
}
