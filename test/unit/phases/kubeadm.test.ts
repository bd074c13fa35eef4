import { describe, expect, it } from 'vitest';
import { createInitContext } from '../../../phases/init/context.ts';
import { initPhases } from '../../../phases/init/index.ts';
import { kubeadmPhase } from '../../../phases/init/kubeadm.ts';
import { removeTornFiles } from '../../../phases/kubeadm/resume.ts';
import { kubeadmPath } from '../../../phases/kubeadm/run.ts';
import type { InitSettings } from '../../../src/config/types.ts';
import { paths } from '../../../src/host/paths.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings } from '../checks/support.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const key = 'ab'.repeat(32);

function context(change: Partial<InitSettings> = {}, files: Record<string, string> = {}) {
  const host = new FakeHost({ files: { [kubeadmPath]: '', [paths.adminConf]: '', ...files } });
  const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
  const ctx = createInitContext(initSettings(change), { host, emit: host.emit, signal, machine });
  const ran = () => host.lines.filter((line) => line.startsWith(kubeadmPath));
  return { host, ctx, ran };
}

describe('kubeadm init', () => {
  it("is told to skip what is its own, and nothing that is edgeadm's", async () => {
    const skipPhases = ['kube-vip', 'edge-addons', 'label-node', 'addon/kube-proxy', 'upload-config/kubelet'];
    const { ctx, ran } = context({ skipPhases });
    await kubeadmPhase.run!(ctx, run);
    expect(ran()).toHaveLength(1);
    expect(ran()[0]).toMatch(
      /--skip-phases=show-join-command,addon\/kube-proxy,upload-config\/kubelet(\s|$)/,
    );
  });
});

describe('upload-certs alone', () => {
  const phase = initPhases.find(({ name }) => name === 'upload-certs')!;

  it('makes a key, tells it, and keeps it out of the arguments of kubeadm', async () => {
    const { ctx, host, ran } = context({ uploadCerts: true });
    expect(phase.skip!(ctx)).toBe(undefined);
    expect(await phase.run!(ctx, run)).toBe(true);
    expect(ctx.certificateKey).toMatch(/^[0-9a-f]{64}$/);
    expect(ctx.result).toEqual({ certificateKey: ctx.certificateKey });
    expect(ran().join()).toContain('init phase upload-certs');
    expect(ran().join()).not.toContain(ctx.certificateKey);
    const text = host.events.find((event) => event.type === 'message')?.text;
    expect(text).toContain(`--control-plane --certificate-key ${ctx.certificateKey}`);
  });

  it('does not print the key when it must not', async () => {
    const { ctx, host } = context({ uploadCerts: true, certificateKey: key, skipCertificateKeyPrint: true });
    await phase.run!(ctx, run);
    expect(JSON.stringify(host.events)).not.toContain(key);
  });

  it('never replaces certificates in the cluster that nobody asked to upload', () => {
    expect(phase.skip!(context().ctx)).toBe('no --upload-certs');
  });
});

describe('what a crash cut in half', () => {
  it("is removed when it is kubeadm's, and left alone when it is another static Pod", async () => {
    const whole = 'kind: Pod\nspec: {}\nstatus: {}\n';
    const { ctx, host } = context(
      {},
      {
        [`${paths.manifests}/kube-apiserver.yaml`]: 'kind: Pod\nspec:\n  contai',
        [`${paths.manifests}/etcd.yaml`]: whole,
        [`${paths.manifests}/kube-vip.yaml`]: 'kind: Pod\nspec: {}\n',
        [`${paths.manifests}/nginx-proxy.yaml`]: 'kind: Pod\n',
        [paths.adminConf]: 'apiVersion: v1\nclusters:\n- cl',
      },
    );
    expect((await removeTornFiles(ctx)).sort()).toEqual([
      paths.adminConf,
      `${paths.manifests}/kube-apiserver.yaml`,
    ]);
    expect(Object.keys(host.files).sort()).toEqual(
      [
        kubeadmPath,
        `${paths.manifests}/etcd.yaml`,
        `${paths.manifests}/kube-vip.yaml`,
        `${paths.manifests}/nginx-proxy.yaml`,
      ].sort(),
    );
  });
});
