import type { KubeDocument } from '../../src/config/types.ts';

interface PodSpec {
  containers: { image: string; env: { name: string; value?: string }[] }[];
  volumes: { name: string; hostPath: { path: string } }[];
}

/** Fills the kube-vip Pod of manifests/ha/kube-vip.yaml. `image` undefined keeps the manifest's. */
export function kubeVipPod(
  template: KubeDocument,
  values: { vip: string; link: string; image: string | undefined; kubeconfig: string; port: number },
): KubeDocument {
  const pod = structuredClone(template);
  const spec = pod.spec as PodSpec;
  const container = spec.containers[0]!;
  if (values.image) container.image = values.image;
  const set = (name: string, value: string) => {
    const found = container.env.find((entry) => entry.name === name);
    if (found) found.value = value;
    else container.env.push({ name, value });
  };
  set('address', values.vip);
  set('vip_interface', values.link);
  set('port', String(values.port));
  set('vip_subnet', values.vip.includes(':') ? '128' : '32');
  const kubeconfig = spec.volumes.find(({ name }) => name === 'kubeconfig');
  if (kubeconfig) kubeconfig.hostPath.path = values.kubeconfig;
  return pod;
}
