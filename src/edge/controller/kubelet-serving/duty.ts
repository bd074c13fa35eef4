import { KubeApiError } from '../../../kube/api-error.ts';
import { listWatch } from '../../../kube/list-watch.ts';
import type { Duty, DutyContext } from '../duty.ts';
import type { Metrics } from '../metrics.ts';
import { type WorkQueue, workQueue } from '../work-queue.ts';
import type { AddressPolicy } from './address-rules.ts';
import { type Decision, decide } from './decide.ts';
import { type CertificateSigningRequest, signerName } from './types.ts';

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/** A node that joins asks before its addresses are stored: nobody needs to hear of that. */
const reportAfterMs = 10_000;

/**
 * Approves what kubelets ask for with `serverTLSBootstrap: true` (kubernetes.io/kubelet-serving), which
 * kube-controller-manager signs but never approves. Denies nothing: what breaks a rule is left alone, with an Event
 * and a log line that say why. What a later state of the cluster may mend is looked at again with a back-off.
 */
export function kubeletServingDuty(policy: AddressPolicy, metrics: Metrics): Duty {
  const approved = metrics.counter(
    'edgeadm_kubelet_serving_approved_total',
    'Certificate requests of kubelets approved.',
  );
  const leftAlone = metrics.counter(
    'edgeadm_kubelet_serving_left_alone_total',
    'Certificate requests left alone, by the rule they break.',
  );
  let queue: WorkQueue | undefined;
  metrics.gauge(
    'edgeadm_kubelet_serving_pending',
    'Certificate requests that are not decided yet.',
    () => queue?.size ?? 0,
  );
  const errors = metrics.counter(
    'edgeadm_kubelet_serving_errors_total',
    'API requests that failed, by what they were for.',
  );
  approved.add({}, 0);

  async function run(context: DutyContext): Promise<void> {
    const { transport, openWatch, signal, log, warn } = context;
    const reported = new Map<string, string>();
    const own = workQueue({
      signal,
      concurrency: 2,
      work: async (name, _attempt, waitedMs) => {
        const csr = await read(name);
        if (csr === undefined || !isOpen(csr)) {
          reported.delete(name);
          return 'done';
        }
        const decision = await decide(csr, { transport, policy, signal });
        if (decision.approve) await approve(csr, decision.message);
        else if (decision.final || waitedMs >= reportAfterMs) await report(csr, decision);
        return decision.approve || decision.final ? 'done' : 'again';
      },
      onError: (name, error) => {
        errors.add({ operation: 'approve' });
        // A conflict is somebody else's change: the next look tells.
        if (!(error instanceof KubeApiError && error.status === 409))
          warn(`request ${name}: ${error.message}`);
      },
    });

    queue = own;

    async function read(name: string): Promise<CertificateSigningRequest | undefined> {
      try {
        const answer = await transport.send('GET', `${path}/${encodeURIComponent(name)}`, { signal });
        return JSON.parse(answer.text) as CertificateSigningRequest;
      } catch (error) {
        if (error instanceof KubeApiError && error.status === 404) return undefined;
        throw error;
      }
    }

    async function approve(csr: CertificateSigningRequest, message: string): Promise<void> {
      const condition = {
        type: 'Approved',
        status: 'True',
        reason: 'EdgeadmKubeletServing',
        message: `edgeadm-controller: ${message}`,
      };
      const body = {
        ...csr,
        status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] },
      };
      await transport.send('PUT', `${path}/${encodeURIComponent(csr.metadata.name)}/approval`, {
        body,
        signal,
      });
      approved.add();
      reported.delete(csr.metadata.name);
      log(`approved ${csr.metadata.name}: ${message}`);
    }

    async function report(
      csr: CertificateSigningRequest,
      { reason, message }: Extract<Decision, { approve: false }>,
    ): Promise<void> {
      const { name } = csr.metadata;
      if (reported.get(name) === reason) return;
      reported.set(name, reason);
      leftAlone.add({ reason });
      warn(`left alone ${name} of ${csr.spec.username}: ${reason}: ${message}`);
      await context.record(csr, {
        type: 'Warning',
        reason,
        message: `not approved by edgeadm-controller: ${message}`,
      });
    }

    await listWatch<CertificateSigningRequest>({
      transport,
      openWatch,
      path,
      fieldSelector: `spec.signerName=${signerName}`,
      signal,
      onObject: (csr) => {
        if (isOpen(csr)) own.add(csr.metadata.name);
        else forget(csr);
      },
      onDelete: forget,
      onRetry: (error, waitMs) => {
        errors.add({ operation: 'watch' });
        warn(`${error.message}; again in ${Math.ceil(waitMs / 1000)} s`);
      },
    });
    await own.finished();

    function forget({ metadata: { name } }: CertificateSigningRequest): void {
      own.forget(name);
      reported.delete(name);
    }
  }

  return { name: 'kubelet-serving-approver', run };
}

/** Nobody has decided on it. */
function isOpen({ spec, status }: CertificateSigningRequest): boolean {
  return spec.signerName === signerName && !status?.certificate && (status?.conditions ?? []).length === 0;
}
