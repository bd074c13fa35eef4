import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { kubeVipConf, kubeVipManifest, writeKubeVip } from '../node/kube-vip.ts';
import type { InitContext } from './context.ts';

/** `10.0.0.1`, `10.0.0.1:6443`, `fd00::1`, `[fd00::1]:6443`; configuration has proven that what looks so is one. */
const ipLiteral = /^(\d+(\.\d+){3}|\[.+\])(:\d+)?$|^[\da-f]*:[\da-f]*:[\da-f:.]*$/i;

/** Why kube-vip has nothing to do, as far as the configuration tells. */
export function withoutKubeVip(ctx: InitContext): string | undefined {
  if (ctx.edge.ha.provider !== 'kube-vip') return '--default-ha is empty';
  if (!ctx.controlPlaneEndpoint) return 'no --control-plane-endpoint';
  return ipLiteral.test(ctx.controlPlaneEndpoint) ? undefined : 'the endpoint is no IP address';
}

/**
 * Writes kube-vip's static Pod before kubeadm init, which reaches the API server by the virtual IP. kube-vip begins with
 * super-admin.conf: admin.conf has no rights before kubeadm has bound them (since Kubernetes 1.29), for which kubeadm up
 * to 1.35 needs the virtual IP.
 */
export const kubeVipPhase: Phase<InitContext> = {
  name: 'kube-vip',
  short: 'Write the static Pod of kube-vip when the control-plane endpoint is a virtual IP',
  example: 'edgeadm init phase kube-vip --control-plane-endpoint 10.0.0.100',
  skip: withoutKubeVip,
  async run(ctx, run) {
    const { host } = ctx;
    // What reads addresses is not needed for help.
    const { endpointAddress, placeOf } = await import('../node/virtual-ip.ts');
    const { address } = endpointAddress(ctx.controlPlaneEndpoint)!;
    const place = await placeOf(host, address, run.signal);
    const link = ctx.edge.ha.interface || place.link;
    const ours = (await host.stat(kubeVipManifest)) !== undefined;
    if (!link || (place.here && !ours)) {
      run.progress(`${address} is ${place.here ? "this host's own" : 'beyond a router'}: no virtual IP`);
      return false;
    }
    const port = ctx.settings.bindPort;
    let changed = await writeKubeVip(ctx, { address, link, port });
    // Once turned to admin.conf it stays there.
    if (!(await host.stat(kubeVipConf))) {
      const bound = host.state('kubeadm-init') === 'done';
      const kubeconfig = bound ? paths.adminConf : join(paths.kubernetes, 'super-admin.conf');
      changed = (await host.symlink(kubeconfig, kubeVipConf)) || changed;
    }
    return changed;
  },
};
