# The first control-plane node by hand; follows prepare.sh.
step kubeadm
kubeadm init --config $here/cluster.yaml --ignore-preflight-errors=SystemVerification

step network
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl apply -f $here/flannel.yaml
kubectl --namespace kube-flannel rollout status daemonset/kube-flannel-ds --timeout=300s
step
