import { describe, expect, it } from 'vitest';
import {
  evictionAnnotation,
  type Pod,
  planTolerations,
  secondsAnnotation,
  type Toleration,
} from '../../../../../src/edge/controller/edge-health/tolerations.ts';

const key = 'node.kubernetes.io/unreachable';
const notReady = {
  key: 'node.kubernetes.io/not-ready',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
};
const open = { key, operator: 'Exists', effect: 'NoExecute' };
const defaults = [notReady, { ...open, tolerationSeconds: 300 }];

const pod = (tolerations?: Toleration[], annotations: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', annotations },
  spec: { nodeName: 'edge-1', ...(tolerations && { tolerations }) },
});
const applied = (before: Pod, lost: boolean): Pod => {
  const change = planTolerations(before, lost);
  if (!change) return before;
  const annotations = { ...before.metadata.annotations, [secondsAnnotation]: change.seconds };
  return {
    ...before,
    metadata: { ...before.metadata, annotations },
    spec: { ...before.spec, tolerations: change.tolerations },
  };
};

describe('tolerations of a pod on an edge node', () => {
  it('have no end while the node is not lost, and nothing but that changes', () => {
    const kept = applied(pod(defaults), false);
    expect(kept.spec?.tolerations).toEqual([notReady, open]);
    expect(kept.metadata.annotations).toEqual({ [secondsAnnotation]: '300' });
    expect(planTolerations(kept, false)).toBeUndefined();
  });

  it('get their own seconds back when it is lost, and lose them when it is back', () => {
    const lost = applied(applied(pod(defaults), false), true);
    expect(lost.spec?.tolerations).toEqual(defaults);
    expect(planTolerations(lost, true)).toBeUndefined();
    expect(applied(lost, false).spec?.tolerations).toEqual([notReady, open]);
  });

  it("keep a user's own seconds, also when they change later", () => {
    const own = applied(pod([{ ...open, tolerationSeconds: 30 }]), false);
    expect(applied(own, true).spec?.tolerations).toEqual([{ ...open, tolerationSeconds: 30 }]);
    const changed = { ...own, spec: { tolerations: [{ ...open, tolerationSeconds: 5 }] } };
    expect(planTolerations(changed, false)?.seconds).toBe('5');
  });

  it('are left alone where they have no end, and where the user says so', () => {
    for (const tolerations of [[open], [{ operator: 'Exists' }], [{ key, operator: 'Exists' }], [{ key }]]) {
      for (const lost of [false, true]) expect(planTolerations(pod(tolerations), lost)).toBeUndefined();
    }
    const alone = pod(defaults, { [evictionAnnotation]: 'kubernetes' });
    expect(planTolerations(alone, false)).toBeUndefined();
    const going = pod(defaults);
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(planTolerations(going, false)).toBeUndefined();
  });

  it('come before a broader one, as kube takes the first that matches', () => {
    const broad = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 };
    const kept = applied(pod([broad]), false);
    expect(kept.spec?.tolerations).toEqual([open, broad]);
    expect(applied(kept, true).spec?.tolerations).toEqual([{ ...open, tolerationSeconds: 60 }, broad]);
  });

  it('are added where there are none: such a pod is evicted at once, when the node is lost', () => {
    for (const tolerations of [undefined, [], [{ key, operator: 'Exists', effect: 'NoSchedule' }]]) {
      const kept = applied(pod(tolerations), false);
      expect(kept.spec?.tolerations?.[0]).toEqual(open);
      expect(applied(kept, true).spec?.tolerations?.[0]).toEqual({ ...open, tolerationSeconds: 0 });
    }
    expect(planTolerations(pod([{ ...open, tolerationSeconds: -1 }]), false)?.seconds).toBe('0');
  });
});
