import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';

interface OnHost {
  host: Pick<Host, 'readText'>;
}

/**
 * Where nodes find the control plane, `host:port`: what kubeadm wrote into the administrator's kubeconfig. undefined
 * where there is none yet, as in a dry run. What must work before kube-proxy does asks it there, and not by the Service
 * `kubernetes`. Errors: E_KUBE_API when it names no server.
 */
export async function apiServerEndpoint({ host }: OnHost): Promise<string | undefined> {
  const kubeconfig = await host.readText(paths.adminConf);
  if (kubeconfig === undefined) return undefined;
  const { endpointOf } = await import('../../src/kube/kubeconfig.ts');
  return endpointOf(kubeconfig, paths.adminConf);
}

/** The same, for what cannot go on without. Errors: E_PHASE_STATE when there is none, E_KUBE_API. */
export async function knownApiServerEndpoint(on: OnHost): Promise<string> {
  const endpoint = await apiServerEndpoint(on);
  if (endpoint !== undefined) return endpoint;
  throw new EdgeadmError('E_PHASE_STATE', `${paths.adminConf} is not there`, {
    hint: 'Run it on a control-plane node, after `edgeadm init` or `edgeadm join --control-plane`.',
  });
}
