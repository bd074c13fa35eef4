import { setTimeout } from 'node:timers/promises';
import type { NodePart, NodeProcess } from '../part.ts';

const lookMs = 60_000;
/** What lasts is said again once a day. */
const repeatMs = 86_400_000;

/** Says by name, once and then daily, that the clock cannot be right or that a certificate has expired. */
export const validityPart: NodePart = {
  name: 'validity',
  async run(node) {
    const said = new Map<string, number>();
    while (!node.signal.aborted) {
      tell(node, said);
      await setTimeout(lookMs, undefined, { signal: node.signal }).catch(() => {});
    }
  },
};

/** One look; `said` has when each problem was told, in milliseconds of this process. */
export function tell(
  { proxy, warn, log }: Pick<NodeProcess, 'proxy' | 'warn' | 'log'>,
  said: Map<string, number>,
): void {
  const { clock, certificates } = proxy.context;
  const problems = new Map(certificates().map(({ name, expired }) => [`certificate ${name}`, expired]));
  problems.set('clock', clock.problem);
  const now = performance.now();
  for (const [what, problem] of problems) {
    const last = said.get(what);
    if (problem === '') {
      if (said.delete(what)) log(`${what}: all is well again`);
    } else if (last === undefined || now - last > repeatMs) {
      said.set(what, now);
      warn(problem);
    }
  }
}
