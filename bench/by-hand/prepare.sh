# What is typed on a node before kubeadm: $1 is the install package. Says after each step how long it took.
set -euo pipefail
step() {
  local now=${EPOCHREALTIME/./}
  if [ -n "${name:-}" ]; then echo "step $name $((now - since))"; fi
  name=${1:-} since=$now
}
here=/root/by-hand

step unpack
mkdir -p /opt/package
tar --zstd -xf "$1" -C /opt/package
cd /opt/package

step programs
install -m 755 bin/{kubeadm,kubelet,kubectl,containerd,containerd-shim-runc-v2,ctr} /usr/local/bin/
install -m 755 bin/runc /usr/local/sbin/
install -D -m 755 -t /opt/cni/bin cni/*
cp -r $here/etc/. /etc/

step host
swapoff -a
sysctl -qw net.ipv4.ip_forward=1
echo net.ipv4.ip_forward=1 >/etc/sysctl.d/99-kubernetes.conf

step containerd
systemctl daemon-reload
systemctl enable --quiet --now containerd
systemctl enable --quiet kubelet

step images
tar -C images -c oci-layout index.json blobs | ctr --namespace k8s.io images import - >/dev/null
