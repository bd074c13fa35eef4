import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sysctlPath } from '../../../src/host/resources/sysctl.ts';
import { never, open, program, temporaryRoot } from './helpers.ts';

async function rootWith(files: Record<string, string>) {
  const root = await temporaryRoot();
  for (const [at, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(root, at)), { recursive: true });
    await fs.writeFile(path.join(root, at), content);
  }
  return root;
}

test('a sysctl is set once and comes back', async () => {
  const root = await rootWith({
    'proc/sys/net/ipv4/ip_forward': '0\n',
    'proc/sys/kernel/sem': '32000\t1024000000\t500\t32000\n',
  });
  const value = () => fs.readFile(path.join(root, 'proc/sys/net/ipv4/ip_forward'), 'utf8');
  const { host } = await open(root);
  expect(await host.setSysctl('kernel.sem', '32000 1024000000 500 32000')).toBe(false);
  expect(await host.setSysctl('net.ipv4.ip_forward', '1')).toBe(true);
  expect(await host.setSysctl('net.ipv4.ip_forward', '1')).toBe(false);
  expect((await value()).trim()).toBe('1');
  await host.undoAll({ signal: never });
  expect((await value()).trim()).toBe('0');
});

test('claimed sysctls come back, those that appeared stay alone', async () => {
  const root = await rootWith({ 'proc/sys/kernel/panic': '0\n' });
  const { host } = await open(root);
  expect(await host.claimSysctls(['kernel.panic', 'net.netfilter.nf_conntrack_max'])).toBe(true);
  expect(await host.claimSysctls(['kernel.panic'])).toBe(false);
  await fs.writeFile(path.join(root, 'proc/sys/kernel/panic'), '10\n');
  await fs.mkdir(path.join(root, 'proc/sys/net/netfilter'), { recursive: true });
  await fs.writeFile(path.join(root, 'proc/sys/net/netfilter/nf_conntrack_max'), '5\n');
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 2, warnings: [] });
  expect((await fs.readFile(path.join(root, 'proc/sys/kernel/panic'), 'utf8')).trim()).toBe('0');
});

test('an unknown sysctl names the module that may be missing', async () => {
  const { host } = await open(await rootWith({ 'proc/sys/kernel/panic': '0' }));
  await expect(host.setSysctl('net.bridge.bridge-nf-call-iptables', '1')).rejects.toMatchObject({
    code: 'E_HOST_WRITE',
    hint: expect.stringContaining('modprobe br_netfilter'),
  });
  await expect(host.setSysctl('net.ipv4.ip_ﬁlter', '1')).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' });
});

test('names of sysctls become paths as sysctl(8) makes them', () => {
  expect(sysctlPath('net.ipv4.conf.eth0/1.rp_filter')).toBe('/proc/sys/net/ipv4/conf/eth0.1/rp_filter');
  expect(sysctlPath('net/ipv4/conf/eth0.1/rp_filter')).toBe('/proc/sys/net/ipv4/conf/eth0.1/rp_filter');
  expect(() => sysctlPath('net/../../etc/passwd')).toThrow();
  expect(() => sysctlPath('net.ipv4 x')).toThrow();
});

test.for([
  ['loaded', { 'proc/modules': 'br_netfilter 32768 0 - Live 0x0\n' }, 'br-netfilter'],
  ['in /sys', { 'sys/module/vxlan/refcnt': '0' }, 'vxlan'],
  ['a file system', { 'proc/filesystems': 'nodev\toverlay\n' }, 'overlay'],
  [
    'built in',
    { [`lib/modules/${os.release()}/modules.builtin`]: 'kernel/net/br-netfilter.ko\n' },
    'br_netfilter',
  ],
  ['of a kernel without modules', {}, 'br_netfilter'],
] as const)('a module that is %s is not loaded again', async ([, files, name]) => {
  const root = await rootWith(files as Record<string, string>);
  await program(root, 'modprobe', '#!/bin/sh\nexit 1\n');
  const { host } = await open(root);
  expect(await host.loadModule(name)).toBe(false);
});

test('a module is loaded, and unloaded when nothing uses it', async () => {
  const root = await rootWith({ [`lib/modules/${os.release()}/modules.builtin`]: '' });
  const sys = path.join(root, 'sys/module/vxlan');
  await program(root, 'modprobe', `#!/bin/sh\nmkdir -p ${sys} && echo 0 > ${sys}/refcnt\n`);
  await program(root, 'rmmod', `#!/bin/sh\nrm -r ${sys}\n`);
  const { host } = await open(root);
  expect(await host.loadModule('vxlan')).toBe(true);
  expect(await host.loadModule('vxlan')).toBe(false);
  await host.undoAll({ signal: never });
  expect(await host.stat('/sys/module/vxlan')).toBeUndefined();

  await host.loadModule('vxlan');
  await fs.writeFile(path.join(sys, 'refcnt'), '2\n');
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  expect(await host.stat('/sys/module/vxlan')).toBeDefined();
});

test('br_netfilter stays while somebody has a bridge', async () => {
  const root = await rootWith({
    [`lib/modules/${os.release()}/modules.builtin`]: '',
    'sys/class/net/docker0/bridge/x': '',
  });
  const sys = path.join(root, 'sys/module/br_netfilter');
  await program(root, 'modprobe', `#!/bin/sh\nmkdir -p ${sys} && echo 0 > ${sys}/refcnt\n`);
  await program(root, 'rmmod', `#!/bin/sh\nrm -r ${sys}\n`);
  const { host } = await open(root);
  await host.loadModule('br_netfilter');
  await host.undoAll({ signal: never });
  expect(await host.stat('/sys/module/br_netfilter')).toBeDefined();
});
