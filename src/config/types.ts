/**
 * Shapes of configuration. kubeadm's documents stay plain objects (the user's own words, kept verbatim but for what
 * edge needs); only the fields that edgeadm reads are named here.
 * Source of the kubeadm types: k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta4.
 */
export interface KubeDocument {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

/** name/value pair, as v1beta4 writes extra arguments. */
export interface Argument {
  name: string;
  value: string;
}

export type CniName = 'flannel' | 'none';

/**
 * `apiVersion: edgeadm.superedge.io/v1alpha1, kind: EdgeConfiguration`, defaults filled in.
 * In YAML every field is optional.
 */
export interface EdgeConfiguration {
  /** Default true; the flag --enable-edge wins over it. */
  enabled: boolean;
  /** Link-local address on a dummy link of each edge node. Default 169.254.20.11. */
  virtualAddress: string;
  /** Addons by name (a folder of manifests/addons): absent or true is the addon's default; settings are the addon's own. */
  addons: Record<string, { enabled: boolean; settings: Record<string, unknown> }>;
  images: {
    /** Where edgeadm's own images come from. Default `ghcr.io/superedge`. */
    edgeRepository: string;
    /** Registry host → mirror endpoints, written for containerd (hosts.toml). */
    mirrors: Record<string, string[]>;
  };
  cni: {
    name: CniName;
    flannel: { backend: 'vxlan' | 'host-gw'; vni?: number; port?: number; mtu?: number; interface?: string };
  };
  runtime: {
    name: 'containerd';
    /** Do not install it; one is there already. */
    ignore: boolean;
    dataRoot: string;
    /** OCI runtime and snapshotter settings of containerd. */
    snapshotter: string;
    restrictOomScoreAdj: boolean;
  };
  node: {
    /** Extra `/etc/hosts` entries. */
    hosts: { ip: string; names: string[] }[];
    /** Sysctls beside the ones Kubernetes needs. */
    sysctls: Record<string, string>;
    /** Open what Kubernetes needs in firewalld or ufw. Default true. */
    firewall: boolean;
  };
  ha: {
    /** `kube-vip`, or empty when the user brings an own load balancer. */
    provider: 'kube-vip' | '';
    /** Link that carries the VIP; empty: the one towards it. */
    interface: string;
  };
  package: {
    /** File, folder or URL. */
    path: string;
    /** PEM file of the public key that must have signed it. */
    publicKeyFile?: string;
  };
}

/** What `init` works with after flags and --config were read, defaulted, merged and validated. */
export interface InitSettings {
  edge: EdgeConfiguration;
  /** `v1.36.3`, or undefined when the package decides. */
  kubernetesVersion: string | undefined;
  nodeName: string;
  /** undefined: kubeadm finds it from the default route. */
  advertiseAddress: string | undefined;
  bindPort: number;
  controlPlaneEndpoint: string | undefined;
  criSocket: string;
  certificatesDir: string;
  /** One CIDR or an IPv4,IPv6 pair. */
  podSubnet: string;
  serviceSubnet: string;
  dnsDomain: string;
  imageRepository: string;
  token: string | undefined;
  certificateKey: string | undefined;
  patches: string | undefined;
  /** InitConfiguration, ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration as kubeadm shall get them. */
  documents: KubeDocument[];
  skipPhases: string[];
  ignorePreflightErrors: string[];
  dryRun: boolean;
  uploadCerts: boolean;
  skipTokenPrint: boolean;
  skipCertificateKeyPrint: boolean;
  manifestsDir: string | undefined;
}

export interface JoinSettings {
  edge: EdgeConfiguration;
  nodeName: string;
  controlPlane: boolean;
  /** `host:port`; undefined with a discovery file. */
  endpoint: string | undefined;
  discoveryFile: string | undefined;
  token: string | undefined;
  caCertHashes: string[];
  unsafeSkipCaVerification: boolean;
  tlsBootstrapToken: string | undefined;
  certificateKey: string | undefined;
  advertiseAddress: string | undefined;
  bindPort: number;
  criSocket: string;
  patches: string | undefined;
  /** JoinConfiguration and, where the user gave them, further documents. */
  documents: KubeDocument[];
  skipPhases: string[];
  ignorePreflightErrors: string[];
  dryRun: boolean;
  manifestsDir: string | undefined;
}

export interface ResetSettings {
  certificatesDir: string;
  cleanupTmpDir: boolean;
  criSocket: string | undefined;
  force: boolean;
  kubeconfig: string;
  skipPhases: string[];
  ignorePreflightErrors: string[];
  dryRun: boolean;
  documents: KubeDocument[];
}

/** What the machine is, as far as configuration depends on it. Gathered by phases/, given to config/ so that it stays pure. */
export interface MachineFacts {
  hostname: string;
  arch: 'amd64' | 'arm64';
  cgroupVersion: 1 | 2;
  /** False where a process may not lower oom_score_adj (containers without CAP_SYS_RESOURCE). */
  canLowerOomScore: boolean;
  /** False in a container, whose network namespace may not set nf_conntrack_max. */
  canSetConntrackMax?: boolean;
  /**
   * `address/prefix` of the host's own links (see src/config/addresses.ts). Left out when not known: then nothing is said
   * about overlaps with the node's own networks.
   */
  addresses?: readonly string[];
}
