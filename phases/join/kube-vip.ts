import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { KubeClient, KubeObject } from '../../src/kube/types.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { knownApiServerEndpoint } from '../node/api-server.ts';
import { kubeVipConf, kubeVipLease, writeKubeVip } from '../node/kube-vip.ts';
import type { JoinContext } from './context.ts';

const startTimeoutMs = 120_000;

/**
 * Lets a further control-plane node stand in for the virtual IP. What the cluster's endpoint is, and whether kube-vip
 * carries it, is asked of the cluster after kubeadm join: the address that this node joined by may be any.
 */
export const kubeVipPhase: Phase<JoinContext> = {
  name: 'kube-vip',
  short: "Write the static Pod of kube-vip when it carries the cluster's virtual IP",
  example: 'edgeadm join phase kube-vip --control-plane',
  skip: (ctx) => {
    if (ctx.role !== 'control-plane') return 'not a control-plane node';
    return ctx.edge.ha.provider === 'kube-vip' ? undefined : '--default-ha is empty';
  },
  async requires(ctx) {
    if (ctx.host.dryRun || (await ctx.host.stat(paths.adminConf))) return undefined;
    return {
      reason: `${paths.adminConf} is not there: this host is no control-plane node yet`,
      hint: 'Run `edgeadm join --control-plane …` first.',
    };
  },
  async run(ctx, run) {
    const { host } = ctx;
    if (host.dryRun) {
      run.progress('asked of the cluster once this node is part of it');
      return false;
    }
    const { connect } = await import('../../src/kube/client.ts');
    const kube = await connect({ kubeconfigPath: paths.adminConf });
    if (!(await kube.get(kubeVipLease))) {
      run.progress('the cluster has no kube-vip');
      return false;
    }
    const { endpointAddress, placeOf } = await import('../node/virtual-ip.ts');
    const endpoint = endpointAddress(await knownApiServerEndpoint(ctx));
    const place = endpoint && (await placeOf(host, endpoint.address, run.signal));
    const link = ctx.edge.ha.interface || place?.link;
    if (!endpoint || !link) {
      ctx.emit({
        type: 'warning',
        message: `this node cannot stand in for the control-plane endpoint ${endpoint?.address ?? ''}, which is in no network of it`,
        hint: 'Name the link that shall carry it: edgeadm join phase kube-vip --control-plane --interface LINK',
      });
      return false;
    }
    const written = await writeKubeVip(ctx, {
      address: endpoint.address,
      link,
      port: ctx.settings.bindPort,
    });
    const linked = await host.symlink(paths.adminConf, kubeVipConf);
    if (written || linked) {
      run.progress('wait for kube-vip');
      await waitStarted(kube, `kube-vip-${ctx.nodeName}`, run.signal);
    }
    return written || linked;
  },
};

interface Pod extends KubeObject {
  status?: {
    conditions?: { type: string; status: string }[];
    containerStatuses?: { state?: { waiting?: { reason?: string; message?: string } } }[];
  };
}

/** A kube-vip that does not run would only be missed when it is needed. Errors: E_ROLLOUT. */
async function waitStarted(kube: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const { default: pRetry } = await import('p-retry');
  let waiting = 'the kubelet has not made it';
  const look = async (): Promise<void> => {
    const pod = await kube.get<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace: 'kube-system', name });
    const { conditions = [], containerStatuses = [] } = pod?.status ?? {};
    if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
    const state = containerStatuses[0]?.state?.waiting;
    if (state) waiting = [state.reason, state.message].filter(Boolean).join(': ');
    throw new Error(waiting);
  };
  try {
    await pRetry(look, {
      maxRetryTime: startTimeoutMs,
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 250,
      factor: 1,
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new EdgeadmError('E_ROLLOUT', `kube-vip does not start on this node: ${waiting}`, {
      hint: 'See `journalctl -u kubelet` and `ls /var/log/pods`, then run the same command again.',
      cause,
    });
  }
}
