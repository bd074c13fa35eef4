import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { containerdUnit } from '../../phases/node/containerd-config.ts';
import { kubeletDropIn, kubeletUnit } from '../../phases/node/kubelet-unit.ts';
import { renderDocuments } from '../../src/config/documents.ts';
import type { KubeDocument } from '../../src/config/types.ts';
import { openPackage } from '../../src/package/open.ts';
import { initConfig } from '../../src/playground/cluster-config.ts';
import type { TestNode, TestPlayground } from '../../test/e2e/support/playground.ts';

const root = join(import.meta.dirname, '../..');
const here = '/root/by-hand';

/** Steps by name, in seconds; all of them are the time that the work took. */
export type Steps = Record<string, number>;

/** Puts a program and the files on a node that somebody who does it by hand has at hand. Not part of what is measured. */
export async function equip(node: TestNode, packageFile: string): Promise<void> {
  const { stdout } = await promisify(execFile)('which', ['zstd']);
  await node.run(['install', '-m', '755', '/dev/stdin', '/usr/local/bin/zstd'], {
    input: { path: stdout.trim() },
  });
  const { manifest } = await openPackage(packageFile);
  const pause = manifest.images.find(({ name }) => /\/pause:/.test(name))!.name;
  const containerd = await readFile(join(import.meta.dirname, 'containerd.toml'), 'utf8');
  const files = {
    'etc/containerd/config.toml': containerd.replaceAll('PAUSE', pause),
    'etc/systemd/system/containerd.service': containerdUnit(false),
    'etc/systemd/system/kubelet.service': kubeletUnit,
    'etc/systemd/system/kubelet.service.d/10-kubeadm.conf': kubeletDropIn,
    'flannel.yaml': await readFile(join(root, 'manifests/cni/flannel.yaml'), 'utf8'),
  };
  for (const [name, content] of Object.entries(files)) await node.write(`${here}/${name}`, content);
  const script = (name: string) => readFile(join(import.meta.dirname, name), 'utf8');
  for (const name of ['init.sh', 'join.sh'])
    await node.write(`${here}/${name}`, `${await script('prepare.sh')}\n${await script(name)}`);
}

/** Documents for `kubeadm init` itself: with what edgeadm would find out about the machine. */
export async function writeClusterConfig(
  { subnet, controlPlane }: TestPlayground,
  packageFile: string,
): Promise<void> {
  const { manifest } = await openPackage(packageFile);
  const documents = initConfig(
    [
      {
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'ClusterConfiguration',
        // Else kubeadm asks the internet for the newest one, and waits for an answer.
        kubernetesVersion: manifest.kubernetesVersion,
        networking: { podSubnet: '10.244.0.0/16' },
      } as KubeDocument,
      {
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        failCgroupV1: false,
      } as KubeDocument,
    ],
    { subnet, controlPlanes: 1, address: controlPlane.address },
  );
  await controlPlane.write(`${here}/cluster.yaml`, renderDocuments(documents));
}

/** Runs the script of a command on a node. */
export async function byHand(
  node: TestNode,
  command: 'init' | 'join',
  args: readonly string[],
): Promise<Steps> {
  const { stdout } = await node.run(['bash', `${here}/${command}.sh`, ...args], { timeoutMs: 600_000 });
  const steps = [...stdout.matchAll(/^step (\S+) (\d+)$/gm)];
  return Object.fromEntries(steps.map(([, name, microseconds]) => [name!, Number(microseconds) / 1e6]));
}
