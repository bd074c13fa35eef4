/**
 * The kubelet's unit and kubeadm's drop-in for it.
 * Contract: https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-kubelet-integration (the kubelet drop-in
 * file for systemd); file names and variables are kubeadm's.
 */
export const kubeletUnit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
# Not network-online.target: a node without its link must come up all the same.
Wants=containerd.service
After=containerd.service
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
`;

export const kubeletDropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# Written by kubeadm init and join at run time.
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# Last resort for the user's own arguments; NodeRegistration.kubeletExtraArgs is the better place.
EnvironmentFile=-/etc/default/kubelet
# kubeadm writes the configuration after it stopped the kubelet: until then there is nothing to start.
ExecCondition=/usr/bin/test -e /var/lib/kubelet/config.yaml
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;

/**
 * What edge nodes have besides: settings of their own, and no bootstrap kubeconfig. With one on its command line a kubelet
 * whose client certificate expired ends at once (k8s.io/kubernetes/pkg/kubelet/certificate/bootstrap), without it waits.
 */
export function edgeKubeletDropIn({
  configDir,
  proxyUnit,
}: {
  configDir: string;
  /** Unit of the node-local API proxy; false when this node has none. */
  proxyUnit: string | false;
}): string {
  return `${proxyUnit ? `[Unit]\nWants=${proxyUnit}\nAfter=${proxyUnit}\n\n` : ''}[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=${configDir}"
`;
}
