import { describe, expect, it } from 'vitest';
import { diffSnapshots, excludedPaths, type Snapshot } from '../../e2e/support/snapshot.ts';

const snapshot = (change: Partial<Snapshot> = {}): Snapshot => ({
  files: { '/etc/a': 'file 0644 0:0 1 sha256:00', '/etc/b': 'symlink 0:0 -> a' },
  unitFiles: { 'ssh.service': 'enabled' },
  units: { 'ssh.service': 'active' },
  sysctls: { 'net.ipv4.ip_forward': '0' },
  links: { lo: 'link mtu 65536 up' },
  addresses: ['lo 127.0.0.1/8 host'],
  routes: ['4: unicast default dev eth0'],
  rules: [],
  firewall: { nft: 'table x {\n  a\n  b\n}' },
  mounts: ['/var ext4 /dev/vda rw'],
  processes: ['sshd'],
  ...change,
});

describe('differences of snapshots', () => {
  it('are none for the same facts', () => {
    expect(diffSnapshots(snapshot(), snapshot())).toEqual([]);
  });
  it('are told one a line', () => {
    const after = snapshot({
      files: { '/etc/a': 'file 0600 0:0 1 sha256:00', '/etc/c': 'directory 0755 0:0' },
      sysctls: { 'net.ipv4.ip_forward': '1' },
      links: { lo: 'link mtu 65536 up', cni0: 'bridge mtu 1450 up' },
      routes: [],
      firewall: { nft: 'table x {\n  a\n  c\n}' },
      processes: ['sshd', 'containerd-shim'],
    });
    expect(diffSnapshots(snapshot(), after)).toEqual([
      '~ file /etc/a: file 0644 0:0 1 sha256:00 => file 0600 0:0 1 sha256:00',
      '- file /etc/b: symlink 0:0 -> a',
      '+ file /etc/c: directory 0755 0:0',
      '~ sysctl net.ipv4.ip_forward: 0 => 1',
      '+ link cni0: bridge mtu 1450 up',
      '- route 4: unicast default dev eth0',
      '+ nft   c',
      '- nft   b',
      '+ process containerd-shim',
    ]);
  });
  it('tell another order of firewall rules', () => {
    expect(diffSnapshots(snapshot(), snapshot({ firewall: { nft: 'table x {\n  b\n  a\n}' } }))).toEqual([
      '~ nft: the same lines in another order or number',
    ]);
  });
  it('leave out what is to be ignored', () => {
    const after = snapshot({ files: { ...snapshot().files, '/etc/c': 'x' } });
    expect(diffSnapshots(snapshot(), after, { ignore: [/^\/etc\/c$/] })).toEqual([]);
  });
});

describe('excluded paths', () => {
  const isExcluded = (path: string) => excludedPaths.some((source) => new RegExp(source).test(path));
  it.each(['/proc', '/var/log', '/run/systemd', '/opt/edgeadm', '/lib/modules', '/usr/lib/modules'])(
    '%s',
    (path) => {
      expect(isExcluded(path)).toBe(true);
    },
  );
  it.each([
    '/etc',
    '/var',
    '/run',
    '/run/edgeadm.lock',
    '/var/lib/edgeadm',
    '/usr/local/bin/edgeadm',
    '/opt/cni',
    '/run/flannel',
    '/procs',
  ])('not %s', (path) => {
    expect(isExcluded(path)).toBe(false);
  });
});
