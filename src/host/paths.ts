/** Where things are on a host that edgeadm manages. */
export const paths = {
  /** edgeadm's own state: journal, backups, unpacked package. Removed by `edgeadm reset`. */
  state: '/var/lib/edgeadm',
  journal: '/var/lib/edgeadm/journal.jsonl',
  backups: '/var/lib/edgeadm/backups',
  lock: '/run/edgeadm.lock',
  /** Packages unpacked by digest: `<packages>/<sha256>`. */
  packages: '/var/lib/edgeadm/packages',
  /** The merged kubeadm documents that init or join was run with; mode 0600. */
  kubeadmConfig: '/var/lib/edgeadm/kubeadm.yaml',
  bin: '/usr/local/bin',
  sbin: '/usr/local/sbin',
  program: '/usr/local/lib/edgeadm',
  units: '/etc/systemd/system',
  cniBin: '/opt/cni/bin',
  cniConfig: '/etc/cni/net.d',
  containerdConfig: '/etc/containerd/config.toml',
  containerdHosts: '/etc/containerd/certs.d',
  containerdSocket: '/run/containerd/containerd.sock',
  kubernetes: '/etc/kubernetes',
  manifests: '/etc/kubernetes/manifests',
  pki: '/etc/kubernetes/pki',
  adminConf: '/etc/kubernetes/admin.conf',
  kubeletConf: '/etc/kubernetes/kubelet.conf',
  kubelet: '/var/lib/kubelet',
  /** The kubelet's client certificate and key (kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping). */
  kubeletClient: '/var/lib/kubelet/pki/kubelet-client-current.pem',
  /** Drop-ins of the kubelet's configuration on edge nodes. */
  kubeletConfigDir: '/etc/kubernetes/kubelet.conf.d',
  etcd: '/var/lib/etcd',
  /** Configuration, keys and cache of an edge node's own process. */
  liteApiserver: '/var/lib/edgeadm/lite-apiserver',
  liteApiserverConfig: '/var/lib/edgeadm/lite-apiserver/config.yaml',
  /** State and last report of a drill on an edge node. */
  drill: '/var/lib/edgeadm/drill',
} as const;
