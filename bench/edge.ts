import { alternate, type Benchmark, parts } from './benchmark.ts';
import { bareNodes, installWith, type Times } from './install.ts';

const usual = 3;

/** What the edge components add to `edgeadm init` and `edgeadm join`. */
export const edge: Benchmark = {
  name: 'edge',
  title: 'init and join with the edge components',
  text: 'On bare test nodes that were just booted, new ones each time: `--enable-edge=true` on a control plane and an edge node against `--enable-edge=false` on a control plane and a worker.',
  async run({ package: build, log, repeats = usual }) {
    const file = await build();
    const way = (edge: boolean) => async (repeat: number) => {
      await using playground = await bareNodes({ edges: 0, workers: 1, package: file });
      const times = await installWith(playground, { edge, node: playground.node('worker-1') });
      log(`${repeat + 1} of ${repeats}, edge ${edge}: ${JSON.stringify(times)}`);
      return times;
    };
    const { edge, plain } = await alternate({ edge: way(true), plain: way(false) }, repeats);
    const row = (what: 'init' | 'join', goal?: string) => ({
      what: `\`edgeadm ${what}\`, with edge against without`,
      unit: 's' as const,
      ours: edge.map((times) => times[what]),
      theirs: plain.map((times) => times[what]),
      ...(goal !== undefined && { goal }),
    });
    const column = (of: Times[], steps: 'initSteps' | 'joinSteps') => of.map((times) => times[steps]);
    return {
      rows: [row('init', '≤ 1.3'), row('join')],
      details: [
        parts({ 'init with edge': column(edge, 'initSteps'), without: column(plain, 'initSteps') }),
        parts({ 'join with edge': column(edge, 'joinSteps'), without: column(plain, 'joinSteps') }),
      ].join('\n\n'),
    };
  },
};
