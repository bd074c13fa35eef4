import { hasLocalApi } from '../../src/config/edge-node.ts';
import type { EdgeConfiguration } from '../../src/config/types.ts';
import type { EdgeVariant } from '../../src/kube/edge-variants.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import { applyObjects } from '../init/apply-objects.ts';
import type { InitContext } from '../init/context.ts';

/** Why an addon that needs the proxy is not installed, if so. */
export function withoutLocalApi(edge: EdgeConfiguration): string | undefined {
  return hasLocalApi(edge) ? undefined : 'edge nodes have no lite-apiserver: addons.lite-apiserver is false';
}

/** Applies what edge nodes run in place of something of kubeadm's, which then leaves them. */
export function applyVariant(
  ctx: InitContext,
  run: PhaseRun,
  name: string,
  { objects, standard }: EdgeVariant,
): Promise<boolean> {
  return applyObjects(ctx, run, name, objects, {
    timeoutMs: 120_000,
    // Nobody waits for kubeadm's own to be gone.
    beforeWait: (kube) => kube.apply(standard, { signal: run.signal }),
  });
}
