import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { offlineFindings } from '../../../phases/offline/catalogue.ts';
import type { OfflineFacts } from '../../../phases/offline/facts.ts';
import { fullName } from '../../../phases/offline/rules/images.ts';
import { judge } from '../../../phases/offline/verdict.ts';
import { verdictText } from '../../../src/commands/offline-text.ts';
import { day, healthy, noon, pod, status } from './facts.ts';

const ids = (facts: Partial<OfflineFacts>): string[] => judge(healthy(facts)).findings.map(({ id }) => id);

describe('a node that lacks nothing', () => {
  test('lives until its first certificate ends, and says what that is', () => {
    const verdict = judge(healthy());
    expect(verdict).toMatchObject({ survives: true, days: 365, findings: [] });
    expect(verdict.firstToFail).toEqual({ what: 'kubelet client certificate', at: '2027-11-23T12:00:00Z' });
    expect(verdictText(verdict).split('\n')[0]).toBe(
      'edge-1 survives 365 days offline; first to fail: kubelet client certificate on 2027-11-23',
    );
  });

  test('lives for a tenth of that when the link goes just before a renewal', () => {
    expect(judge(healthy()).daysAtWorst).toBe(36);
    expect(verdictText(judge(healthy()))).toContain('at worst 36 days');
  });
});

describe('what each finding is found by', () => {
  const certificates = (index: number, change: object) =>
    healthy().certificates.map((each, at) => (at === index ? { ...each, ...change } : each));
  const cases: [string, Partial<OfflineFacts>][] = [
    ['CertificateMissing', { certificates: [{ role: 'kubelet-client', file: '/x', problem: 'gone' }] }],
    ['CertificateExpired', { certificates: certificates(0, { notAfter: noon - 1 }) }],
    ['CertificateExpiresSoon', { certificates: certificates(1, { notAfter: noon + 13 * day }) }],
    ['ClockWrong', { clock: { confirmedAt: noon + 3_600_000, hasHardwareClock: true } }],
    ['ClockWrong', { certificates: certificates(0, { notBefore: noon + 3_600_000 }) }],
    ['ClockNotSynchronised', { clock: { synchronised: false, hasHardwareClock: false } }],
    ['ProxyNotRunning', { proxy: undefined }],
    ['ProxyBypassed', { kubeletServer: 'https://10.0.0.10:6443' }],
    ['UnitMissing', { units: [{ ...healthy().units[0]!, installed: false }] }],
    ['UnitNotEnabled', { units: [{ ...healthy().units[0]!, enabled: false }] }],
    ['UnitNotActive', { units: [{ ...healthy().units[0]!, active: false }] }],
    ['EdgeAddressMissing', { edgeLink: { wanted: ['169.254.20.11'], present: [] } }],
    ['CacheNotWritten', { proxy: status({ cache: { ...status().cache, problem: 'disk full' } }) }],
    ['CacheIncomplete', { proxy: status({ resources: status().resources.slice(1) }) }],
    [
      'CacheIncomplete',
      {
        proxy: status({ resources: status().resources.map((each, at) => ({ ...each, complete: at !== 3 })) }),
      },
    ],
    [
      'PodInputMissing',
      { pods: [pod({ inputs: [{ kind: 'ConfigMap', name: 'c', optional: false, kept: false }] })] },
    ],
    ['PodTokenMissing', { pods: [pod({ tokens: [{ serviceAccount: 'a', audience: '', kept: false }] })] }],
    ['PodVolumeUnknown', { pods: [pod({ volumes: ['data (PersistentVolumeClaim data)'] })] }],
    ['ImageMissing', { images: [{ name: 'registry.k8s.io/pause:3.10', pinned: true }] }],
    [
      'ImageNotPinned',
      { images: healthy().images!.map((image) => ({ ...image, pinned: image.name.includes('pause') })) },
    ],
    [
      'ImagePulledAlways',
      { pods: [pod({ images: [{ image: 'registry.example/web:1', pullPolicy: 'Always' }] })] },
    ],
    ['NoDefaultRoute', { hasDefaultRoute: false }],
    ['DiskFull', { disks: [{ ...healthy().disks[0]!, availableBytes: 2e9 }] }],
    ['DiskNearlyFull', { disks: [{ ...healthy().disks[0]!, availableInodes: 60 }] }],
    ['MuchWritten', { writtenPerHour: 2e9 }],
    ['NotChecked', { unknown: [{ what: 'images', why: 'no answer in time' }] }],
  ];

  test.each(cases)('%s', (id, facts) => {
    expect(ids(facts)).toEqual([id]);
  });

  test('every finding has a case', () => {
    expect([...new Set(cases.map(([id]) => id))].sort()).toEqual(Object.keys(offlineFindings).sort());
  });

  test.each(cases)('%s names a fix, and an error leaves no day', (_id, facts) => {
    const verdict = judge(healthy(facts));
    const [found] = verdict.findings;
    expect(found!.fix).toMatch(/\w/);
    expect(found!.severity).toBe(offlineFindings[found!.id]);
    expect(verdict.survives).toBe(found!.severity === 'warning');
    if (found!.severity === 'error') expect(verdict).toMatchObject({ days: 0, daysAtWorst: 0 });
    else expect(verdict.days).toBeGreaterThan(0);
  });
});

test('the text is a tree: what ends it, and findings with their fix', () => {
  expect(verdictText(judge(healthy({ hasDefaultRoute: false })))).toBe(
    `
edge-1 survives 365 days offline; first to fail: kubelet client certificate on 2027-11-23
├─ at worst 36 days: when the link goes just before a renewal
├─ kubelet client certificate                       until 2027-11-23
├─ serving certificate of the node-local API proxy  until 2027-11-23
├─ CA certificate of the cluster                    until 2036-11-20
└─ warning NoDefaultRoute: there is no default route: programs that choose a link by it do not start
   └─ fix: Add a default route, or name the link for flannel: cni.flannel.interface in an EdgeConfiguration.`.trim(),
  );
});

test('what is optional, or not asked for, is no finding', () => {
  const inputs = [{ kind: 'Secret' as const, name: 's', optional: true, kept: false }];
  expect(ids({ pods: [pod({ inputs })] })).toEqual([]);
  expect(ids({ kubeletServer: 'https://169.254.20.11:51003', clock: { hasHardwareClock: false } })).toEqual(
    [],
  );
});

test('a proxy that does not answer says nothing of what it would have told', () => {
  expect(ids({ proxy: undefined, pods: undefined })).toEqual(['ProxyNotRunning']);
});

test('the verdict is the earliest of what ends, and nothing with an error', () => {
  const life = fc.record({
    before: fc.integer({ min: 10 * 60_000, max: 400 * day }),
    after: fc.integer({ min: -30 * day, max: 4000 * day }),
  });
  fc.assert(
    fc.property(fc.tuple(life, life, life), fc.boolean(), (lives, isEnabled) => {
      const base = healthy();
      const certificates = base.certificates.map((each, index) => ({
        ...each,
        notBefore: noon - lives[index]!.before,
        notAfter: noon + lives[index]!.after,
      }));
      const units = base.units.map((unit) => ({ ...unit, enabled: isEnabled }));
      const verdict = judge(healthy({ certificates, units, clock: { hasHardwareClock: true } }));
      const earliest = Math.min(...lives.map(({ after }) => after));
      const lasts = isEnabled && earliest > 0;
      expect(verdict.survives).toBe(lasts);
      expect(verdict.days).toBe(lasts ? Math.floor(earliest / day) : 0);
      expect(verdict.daysAtWorst).toBeLessThanOrEqual(verdict.days);
      const at = new Date(Math.floor((noon + earliest) / 1000) * 1000).toISOString().replace('.000Z', 'Z');
      expect(verdict.firstToFail?.at).toBe(at);
    }),
  );
});

test('image names are what containerd calls them', () => {
  expect(fullName('nginx')).toBe('docker.io/library/nginx:latest');
  expect(fullName('library/nginx:1')).toBe('docker.io/library/nginx:1');
  expect(fullName('registry:5000/a/b')).toBe('registry:5000/a/b:latest');
  expect(fullName('localhost/a:2')).toBe('localhost/a:2');
  expect(fullName('registry.k8s.io/pause:3.10@sha256:abc')).toBe('registry.k8s.io/pause@sha256:abc');
});
