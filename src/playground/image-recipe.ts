import { createHash } from 'node:crypto';

/** A file of the node image that no Debian package has. A target makes it a symbolic link. */
export type ImageFile = { path: string; mode: number; content: string } | { path: string; target: string };

export interface ImageRecipe {
  suite: string;
  packages: readonly string[];
  /** Patterns of files that packages bring but a node does not need. */
  excluded: readonly string[];
  files: readonly ImageFile[];
}

const bootScript = `#!/bin/sh
# What a machine on a closed network has and a container has not. Runs at every boot, before the network is used.
set -eu

# Mounts made by pods reach the host and the other way round, as on every systemd machine.
mount --make-rshared /

# A default route, since much software asks for one to find its own address. Its gateway does not exist: nothing
# leaves the network.
set -- $(ip -4 -oneline address show dev eth0)
address=\${4%/*}
network=\${address%.*}
ip route replace default via "$network.254" dev eth0

# The playground's own machine answers no DNS: names outside the cluster fail at once instead of timing out.
[ -e /etc/resolv.conf ] || echo "nameserver $network.1" > /etc/resolv.conf
name=$(cat /proc/sys/kernel/hostname)
grep -qw "$name" /etc/hosts || printf '127.0.1.1\\t%s\\n' "$name" >> /etc/hosts

# A node that was disconnected stays so.
[ ! -e /etc/edgeadm-playground/disconnected.nft ] || nft -f /etc/edgeadm-playground/disconnected.nft
`;

const bootUnit = `[Unit]
Description=Network of a playground node
DefaultDependencies=no
After=systemd-remount-fs.service
Before=sysinit.target network-pre.target systemd-sysctl.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/edgeadm-playground/boot

[Install]
WantedBy=sysinit.target
`;

const hostKey = '/etc/ssh/ssh_host_ed25519_key';

/** Each node makes a host key of its own at its first boot; one kind only, since making an RSA key takes seconds. */
const sshUnit = `[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c '[ -e ${hostKey} ] || exec ssh-keygen -q -t ed25519 -N "" -f ${hostKey}'
ExecStartPre=/usr/sbin/sshd -t
`;

/** The kernel's log is the machine's; each node would copy all of it. */
const journal = `[Journal]
ReadKMsg=no
SystemMaxUse=128M
`;

/** Units that would touch the machine's own devices, consoles and mounts, which privileged containers see. */
const masked = [
  'getty.target',
  'console-getty.service',
  'systemd-remount-fs.service',
  'systemd-modules-load.service',
  'dev-hugepages.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'sys-fs-fuse-connections.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'modprobe@.service',
  'e2scrub_reap.service',
  'e2scrub_all.timer',
  'fstrim.timer',
  'dpkg-db-backup.timer',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
];

const enabled = 'edgeadm-playground.service';

/** A minimal Debian server as edge machines have it, and nothing of Kubernetes. */
export const nodeRecipe: ImageRecipe = {
  suite: 'bookworm',
  packages: [
    'systemd',
    'systemd-sysv',
    'dbus',
    'iproute2',
    'iptables',
    'nftables',
    'conntrack',
    'ethtool',
    'socat',
    'mount',
    'kmod',
    'ca-certificates',
    'procps',
    'curl',
    'util-linux',
    'openssh-server',
    'less',
    'bash-completion',
    'iputils-ping',
  ],
  excluded: ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'],
  files: [
    { path: '/usr/lib/edgeadm-playground/boot', mode: 0o755, content: bootScript },
    { path: `/etc/systemd/system/${enabled}`, mode: 0o644, content: bootUnit },
    { path: `/etc/systemd/system/sysinit.target.wants/${enabled}`, target: `/etc/systemd/system/${enabled}` },
    { path: '/etc/systemd/system/ssh.service.d/host-key.conf', mode: 0o644, content: sshUnit },
    { path: '/etc/ssh/sshd_config.d/host-key.conf', mode: 0o644, content: `HostKey ${hostKey}\n` },
    { path: '/etc/systemd/journald.conf.d/playground.conf', mode: 0o644, content: journal },
    ...masked.map((unit) => ({ path: `/etc/systemd/system/${unit}`, target: '/dev/null' })),
    { path: '/usr/local/bin/edgeadm', target: '/opt/edgeadm/program/edgeadm' },
  ],
};

/** Where what `disconnect` writes is found by the next boot. */
export const disconnectedFile = '/etc/edgeadm-playground/disconnected.nft';

export const imagePrefix = 'localhost/edgeadm-node:';

/** The image's name: its tag is a hash of the recipe, so that a changed recipe is another image. */
export function imageName(recipe: ImageRecipe, architecture: string = process.arch): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([recipe, architecture]))
    .digest('hex');
  return `${imagePrefix}${hash.slice(0, 16)}`;
}
