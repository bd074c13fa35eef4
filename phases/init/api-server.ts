import { paths } from '../../src/host/paths.ts';
import type { InitContext } from './context.ts';

/**
 * Where nodes find the control plane, `host:port`: what kubeadm wrote into the administrator's kubeconfig. undefined
 * where there is none yet, as in a dry run. What must work before kube-proxy does asks it there, and not by the Service
 * `kubernetes`.
 */
export async function apiServerEndpoint({ host }: Pick<InitContext, 'host'>): Promise<string | undefined> {
  const kubeconfig = await host.readText(paths.adminConf);
  if (kubeconfig === undefined) return undefined;
  const { endpointOf } = await import('../../src/kube/kubeconfig.ts');
  return endpointOf(kubeconfig);
}
