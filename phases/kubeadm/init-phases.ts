import type { KubeadmPhaseSpec } from './run.ts';

/** kubeadm init's phases (cmd/kubeadm/app/cmd/init.go) but for `preflight` and `show-join-command`, which edgeadm has itself. */
export const kubeadmInitPhases: readonly KubeadmPhaseSpec[] = [
  {
    name: 'certs',
    short: 'certificate generation',
    phases: [
      { name: 'ca', short: 'the self-signed Kubernetes CA' },
      { name: 'apiserver', short: 'the certificate for serving the Kubernetes API' },
      {
        name: 'apiserver-kubelet-client',
        short: 'the certificate for the API server to connect to kubelets',
      },
      { name: 'front-proxy-ca', short: 'the self-signed CA of the front proxy' },
      { name: 'front-proxy-client', short: 'the certificate for the front proxy client' },
      { name: 'etcd-ca', short: 'the self-signed CA of etcd' },
      { name: 'etcd-server', short: 'the certificate for serving etcd' },
      { name: 'etcd-peer', short: 'the certificate for etcd members to talk to each other' },
      { name: 'etcd-healthcheck-client', short: 'the certificate for liveness probes of etcd' },
      { name: 'apiserver-etcd-client', short: 'the certificate of the API server towards etcd' },
      { name: 'sa', short: 'the key pair that signs service account tokens' },
    ],
  },
  {
    name: 'kubeconfig',
    short: 'kubeconfig files of the control plane and the admin',
    phases: [
      { name: 'admin', short: 'the kubeconfig file of the admin and of kubeadm itself' },
      { name: 'super-admin', short: 'the kubeconfig file of the super-admin' },
      { name: 'kubelet', short: 'the kubeconfig file of the kubelet, for bootstrapping only' },
      { name: 'controller-manager', short: 'the kubeconfig file of the controller manager' },
      { name: 'scheduler', short: 'the kubeconfig file of the scheduler' },
    ],
  },
  {
    name: 'etcd',
    short: 'static Pod manifest of a local etcd',
    whole: 'local',
    phases: [{ name: 'local', short: 'a local, single-node etcd' }],
  },
  {
    name: 'control-plane',
    short: 'static Pod manifests of the control plane',
    phases: [
      { name: 'apiserver', short: 'the kube-apiserver static Pod manifest' },
      { name: 'controller-manager', short: 'the kube-controller-manager static Pod manifest' },
      { name: 'scheduler', short: 'the kube-scheduler static Pod manifest' },
    ],
  },
  { name: 'kubelet-start', short: 'write kubelet settings and (re)start the kubelet' },
  { name: 'wait-control-plane', short: 'wait for the control plane to start' },
  {
    name: 'upload-config',
    short: 'upload the kubeadm and kubelet configuration to ConfigMaps',
    phases: [
      { name: 'kubeadm', short: 'the ClusterConfiguration' },
      { name: 'kubelet', short: 'the kubelet configuration' },
    ],
  },
  { name: 'upload-certs', short: 'upload certificates to kubeadm-certs' },
  { name: 'mark-control-plane', short: 'mark a node as a control plane' },
  { name: 'bootstrap-token', short: 'bootstrap tokens used to join nodes' },
  {
    name: 'kubelet-finalize',
    short: 'settings of the kubelet after TLS bootstrap',
    phases: [{ name: 'enable-client-cert-rotation', short: 'enable rotation of the client certificate' }],
  },
  {
    name: 'addon',
    short: "kubeadm's required addons",
    phases: [
      { name: 'coredns', short: 'CoreDNS' },
      { name: 'kube-proxy', short: 'kube-proxy' },
    ],
  },
];
