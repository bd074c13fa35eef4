import { type Check, error, isControlPlane, type NodeSettings, warning } from './check.ts';

/** kubeadm's minimum for a control plane (app/constants: ControlPlaneMem, ControlPlaneNumCPU). */
const controlPlane = { memoryMb: 1700, cpus: 2 };

/** kubelet, containerd, kube-proxy and flannel take about 260 MB together. */
const workerMemoryMb = 500;

export const cpus: Check<NodeSettings> = {
  name: 'NumCPU',
  async run(host, settings, { signal }) {
    const count = Number((await host.query({ file: 'nproc', signal })).stdout);
    if (!(count > 0) || count >= controlPlane.cpus) return [];
    if (isControlPlane(settings)) {
      return [
        error(
          `the host has ${count} CPU; a control plane needs ${controlPlane.cpus}`,
          'Give the machine more CPUs.',
        ),
      ];
    }
    return [warning(`the host has ${count} CPU`, 'Expect slow starts of pods; keep requests small.')];
  },
};

export const memory: Check<NodeSettings> = {
  name: 'Mem',
  async run(host, settings) {
    const text = (await host.readText('/proc/meminfo')) ?? '';
    const kilobytes = /^MemTotal:\s+(\d+) kB/m.exec(text)?.[1];
    if (kilobytes === undefined) return [];
    const megabytes = Math.floor(Number(kilobytes) / 1024);
    if (isControlPlane(settings)) {
      if (megabytes >= controlPlane.memoryMb) return [];
      const message = `the host has ${megabytes} MB of memory; a control plane needs ${controlPlane.memoryMb} MB`;
      return [error(message, 'Give the machine more memory.')];
    }
    if (megabytes >= workerMemoryMb) return [];
    const message = `the host has ${megabytes} MB of memory, of which a node itself takes about 260 MB`;
    return [warning(message, 'Expect pods to be evicted; give the machine more memory.')];
  },
};
