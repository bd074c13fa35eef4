import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { NodeContext } from '../context.ts';

/**
 * kubeadm's checks that fail on what an interrupted run of ours left behind. They are ignored only when the journal
 * says that this host is in the middle of our own run: kubeadm's phases take over certificates, kubeconfigs,
 * manifests and etcd data that are there.
 */
export const resumeIgnores = [
  'FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml',
  'FileAvailable--etc-kubernetes-manifests-etcd.yaml',
  'FileAvailable--etc-kubernetes-kubelet.conf',
  'FileAvailable--etc-kubernetes-bootstrap-kubelet.conf',
  'FileAvailable--etc-kubernetes-pki-ca.crt',
  'DirAvailable--etc-kubernetes-manifests',
  'DirAvailable--var-lib-etcd',
  'Port-6443',
  'Port-10250',
  'Port-10257',
  'Port-10259',
  'Port-2379',
  'Port-2380',
] as const;

const kubeadmPods = new Set(
  ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map((pod) => `${pod}.yaml`),
);

/** Removes what a crash cut in half (kubeadm does not write atomically), so that kubeadm makes it again. */
export async function removeTornFiles(ctx: Pick<NodeContext, 'host'>): Promise<string[]> {
  const { host } = ctx;
  const torn: string[] = [];
  for (const dir of [paths.kubernetes, paths.pki, join(paths.pki, 'etcd'), paths.manifests]) {
    for (const name of await host.list(dir)) {
      const path = join(dir, name);
      if ((await host.stat(path))?.kind !== 'file') continue;
      const text = (await host.readText(path)) ?? '';
      if (await isWhole(name, text)) continue;
      torn.push(path);
      // A certificate without its key (or the reverse) is as useless to kubeadm as none.
      const pair = /\.(crt|key|pub)$/.test(name) ? name.replace(/\.\w+$/, '') : undefined;
      for (const partner of pair ? ['.crt', '.key', '.pub'].map((end) => pair + end) : [name]) {
        if (await host.stat(join(dir, partner))) await host.remove(join(dir, partner));
      }
    }
  }
  return torn;
}

async function isWhole(name: string, text: string): Promise<boolean> {
  const { createPrivateKey, X509Certificate } = await import('node:crypto');
  try {
    if (name.endsWith('.crt')) return Boolean(new X509Certificate(text));
    if (name.endsWith('.key')) return Boolean(createPrivateKey(text));
    if (name.endsWith('.pub')) return text.includes('-----END PUBLIC KEY-----');
    if (name.endsWith('.conf')) return /\nusers:/.test(text) && /current-context:/.test(text);
    // Other static Pods there are kube-vip's or the user's own.
    if (kubeadmPods.has(name)) return text.trimEnd().endsWith('status: {}');
    return true;
  } catch {
    return false;
  }
}
