import type { KubeadmPhaseSpec } from './run.ts';

/** kubeadm join's phases (cmd/kubeadm/app/cmd/join.go) but for `preflight`, which edgeadm has itself. */
export const kubeadmJoinPhases: readonly KubeadmPhaseSpec[] = [
  {
    name: 'control-plane-prepare',
    short: 'prepare the machine for serving a control plane',
    phases: [
      { name: 'download-certs', short: 'download the certificates that control-plane nodes share' },
      { name: 'certs', short: 'the certificates of the new control-plane components' },
      { name: 'kubeconfig', short: 'the kubeconfig files of the new control-plane components' },
      { name: 'control-plane', short: 'the static Pod manifests of the new control-plane components' },
    ],
  },
  { name: 'kubelet-start', short: 'write kubelet settings and (re)start the kubelet' },
  { name: 'etcd-join', short: 'join etcd (control-plane nodes)' },
  { name: 'kubelet-wait-bootstrap', short: 'wait for the kubelet to bootstrap itself' },
  {
    name: 'control-plane-join',
    short: 'join a machine as a control-plane instance',
    phases: [{ name: 'mark-control-plane', short: 'mark the node as a control plane' }],
  },
  { name: 'wait-control-plane', short: 'wait for the control plane to start' },
];
