/**
 * Runs in namespaces of its own (unshare --net --mount): makes a network with rules of others, then, with `kubernetes`,
 * claims it, makes what Kubernetes would, lets others add more, and undoes. Prints the state of the network as JSON: with
 * and without Kubernetes it has to be the same.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openHost } from '../../../../src/host/open.ts';

const [backend = 'nft', mode = 'kubernetes'] = process.argv.slice(2);
const warnings: string[] = [];

function sh(lines: string): void {
  for (const line of lines.split('\n').map((text) => text.trim())) {
    if (line !== '' && !line.startsWith('#'))
      execFileSync('sh', ['-ec', line], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

/** Both families through the chosen backend. */
function iptables(rules: string): void {
  for (const program of [`iptables-${backend}`, `ip6tables-${backend}`]) {
    sh(rules.replaceAll(/^\s*(?=-)/gm, `${program} `));
  }
}

function others(): void {
  sh(`mount -t tmpfs tmpfs /run
    ip link set lo up
    ip link add eth0 type bridge
    ip link set eth0 up
    ip address add 192.0.2.10/24 dev eth0
    ip -6 address add 2001:db8::10/64 dev eth0 nodad
    ip route add default via 192.0.2.1
    ip route add 10.9.0.0/16 via 192.0.2.9`);
  iptables(`-A INPUT -p tcp --dport 22 -m comment --comment "ssh -j KUBE-SERVICES" -j ACCEPT
    -N DOCKER
    -A FORWARD -o docker0 -j DOCKER
    -A DOCKER -p tcp --dport 80 -j ACCEPT
    -P FORWARD DROP`);
  sh(`nft add table inet theirs
    nft add chain inet theirs in { type filter hook input priority 5 \\; policy accept \\; }
    nft add rule inet theirs in tcp dport 2222 accept`);
}

function kubernetes(): void {
  iptables(`-t nat -N KUBE-SERVICES
    -t nat -N KUBE-POSTROUTING
    -t nat -N KUBE-MARK-MASQ
    -t nat -N KUBE-SVC-ABC
    -t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -t nat -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
    -t nat -A POSTROUTING -m comment --comment "it's \\"quoted\\"" -j KUBE-POSTROUTING
    -t nat -A KUBE-SERVICES -p tcp --dport 443 -j KUBE-SVC-ABC
    -t nat -A KUBE-SVC-ABC -j KUBE-MARK-MASQ
    -t nat -A KUBE-SVC-ABC -m statistic --mode random --probability 0.5 -j RETURN
    -t nat -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully
    -t mangle -N KUBE-KUBELET-CANARY
    -t filter -N KUBE-FORWARD
    -t filter -I FORWARD 1 -m conntrack --ctstate NEW -j KUBE-FORWARD
    -t filter -A DOCKER -g KUBE-FORWARD
    -t filter -A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -j ACCEPT
    -t filter -N FLANNEL-FWD
    -t filter -A FORWARD -j FLANNEL-FWD
    -t filter -A FLANNEL-FWD -j ACCEPT
    -t nat -N CNI-0123456789abcdef01234567
    -t nat -A POSTROUTING -m comment --comment "name: \\"cbr0\\" id: \\"1\\"" -j CNI-0123456789abcdef01234567
    -t nat -A CNI-0123456789abcdef01234567 -j ACCEPT`);
  sh(`nft add table ip kube-proxy
    nft add chain ip kube-proxy services
    nft add table ip6 kube-proxy
    nft add table inet cni_plugins_masquerade
    ip link add cni0 type bridge
    ip link set cni0 up
    ip address add 10.244.0.1/24 dev cni0
    ip link add veth0a1b2c3d type veth peer name inside
    ip link set veth0a1b2c3d master cni0
    ip link add flannel.1 type vxlan id 1 dev eth0 dstport 8472
    ip link set flannel.1 up
    ip route add 10.244.2.0/24 via 10.244.0.2 dev cni0
    ip route add 10.244.1.0/24 via 192.0.2.11 dev eth0
    ip -6 route add fd00:10:244:1::/64 via 2001:db8::11 dev eth0
    ip link add kube-ipvs0 type bridge
    ip link add edgeadm0 type bridge
    ip address add 169.254.20.11/32 dev edgeadm0
    ip address add 192.0.2.100/32 dev eth0
    ip netns add cni-1234`);
}

function othersLater(): void {
  iptables(`-A INPUT -p tcp --dport 443 -j ACCEPT
    -t mangle -A PREROUTING -p tcp --dport 7 -j MARK --set-mark 7`);
  sh(`nft add table ip other
    nft add chain ip other mine
    ip link add other7 type bridge
    ip route add 10.8.0.0/16 via 192.0.2.8
    ip netns add theirs
    ip link add veththeirs type veth peer name veththeirs2`);
}

function state(): Record<string, unknown> {
  const text = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' });
  const saved = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'].map((program) =>
    text(`${program}-save`)
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.replace(/\[\d+:\d+\]$/, ''))
      .join('\n')
      // A legacy table cannot be taken out of the kernel again; an empty one does nothing.
      .replaceAll(/\*\w+\n(?::\w+ ACCEPT \n)+COMMIT\n/g, ''),
  );
  const json = (...args: string[]): Record<string, unknown>[] =>
    JSON.parse(text('ip', '-j', ...args) || '[]');
  return {
    saved,
    nft: text('nft', '-s', 'list', 'ruleset'),
    links: json('link').map(({ ifname }) => ifname),
    addresses: json('address').map(({ addr_info }) =>
      (addr_info as { local: string; scope: string }[])
        .filter(({ scope }) => scope !== 'link')
        .map(({ local }) => local),
    ),
    routes: [...json('route'), ...json('-6', 'route')]
      .map(({ dst, gateway, dev }) => `${dst} ${gateway} ${dev}`)
      .filter((route) => !route.startsWith('fe80'))
      .sort(),
    namespaces: fs.readdirSync('/run/netns').sort(),
    mounts: fs
      .readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes('/run/')).length,
  };
}

others();
if (mode === 'kubernetes') {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'edgeadm-network-'));
  const open = () =>
    openHost({
      emit: () => {},
      command: 'edgeadm test',
      root,
    });
  const host = await open();
  await host.claimNetwork();
  await host.claimNetwork({ addresses: ['192.0.2.100'] });
  kubernetes();
  fs.mkdirSync(path.join(root, 'run/flannel'), { recursive: true });
  fs.writeFileSync(
    path.join(root, 'run/flannel/subnet.env'),
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_IPV6_NETWORK=fd00:10:244::/48\n',
  );
  othersLater();
  await host.close();
  const again = await open();
  const { signal } = new AbortController();
  warnings.push(...(await again.undoAll({ signal })).warnings);
  await again.forget();
  fs.rmSync(root, { recursive: true });
} else othersLater();
process.stdout.write(JSON.stringify({ warnings, state: state() }));
