import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { diffSnapshots } from './support/snapshot.ts';

const program = join(import.meta.dirname, '../../bin/edgeadm');
const edgeadm = (args: readonly string[], input?: string) =>
  execa(program, ['playground', ...args], { reject: false, ...(input === undefined ? {} : { input }) });

/** What podman, the network and the cgroups of this machine have, by what a playground makes. */
async function machineState(): Promise<Record<string, string[]>> {
  const lines = async (file: string, args: string[]) =>
    (await execa(file, args)).stdout.split('\n').filter(Boolean).sort();
  const groups = await Promise.all(
    ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/memory'].map(async (root) =>
      (await readdir(join(root, 'libpod_parent')).catch(() => [])).filter((name) =>
        name.startsWith('libpod-'),
      ),
    ),
  );
  return {
    containers: await lines('podman', ['ps', '--all', '--format', '{{.Names}}']),
    networks: await lines('podman', ['network', 'ls', '--format', '{{.Name}}']),
    volumes: await lines('podman', ['volume', 'ls', '--format', '{{.Name}}']),
    links: (await lines('ip', ['-brief', 'link'])).map((line) => line.split(/[\s@]/)[0]!),
    firewall: (await lines('iptables-save', [])).filter((line) => !line.startsWith('#')),
    cgroups: groups.flat().sort(),
  };
}

/** Whether a TCP connection from a node to an address gets any answer, be it a refusal, within a second. */
async function reaches(node: TestNode, address: string): Promise<boolean> {
  return (await node.run(['ping', '-c1', '-W1', address], { allowFailure: true })).exitCode === 0;
}

describe('bare nodes of two playgrounds side by side', () => {
  let before: Record<string, string[]>;
  let one: TestPlayground;
  let two: TestPlayground;

  beforeAll(async () => {
    before = await machineState();
    one = await createTestPlayground({ edges: 3, sites: 2 });
    two = await createTestPlayground({ edges: 1 });
  });
  afterAll(async () => {
    await one?.delete();
    await two?.delete();
    expect(await machineState()).toEqual(before);
  });

  test('have booted with nothing failed', async () => {
    for (const node of [...one.nodes, ...two.nodes]) {
      const { stdout } = await node.run(['systemctl', 'is-system-running']);
      expect(stdout.trim(), node.name).toBe('running');
      expect((await node.run(['hostname'])).stdout.trim()).toBe(node.name);
    }
  });

  test('have edgeadm in PATH and the package beside it', async () => {
    const node = one.node('edge-1');
    expect((await node.run(['edgeadm', 'version'])).stdout).toContain('edgeadm version');
    const size = Number((await node.run(['stat', '-c', '%s', one.packagePath])).stdout);
    expect(size).toBeGreaterThan(1e8);
    const write = await node.sh(`echo x >> ${one.packagePath}`, { allowFailure: true });
    expect(write.stderr).toContain('Read-only file system');
  });

  test('reach their own network and this machine, and nothing else', async () => {
    const node = one.node('edge-1');
    expect(one.subnet).not.toBe(two.subnet);
    expect(await reaches(node, one.controlPlane.address)).toBe(true);
    expect(await reaches(node, one.subnet.replace(/0\/24$/, '1'))).toBe(true);
    expect(await reaches(node, two.controlPlane.address)).toBe(false);
    expect(await reaches(node, '1.1.1.1')).toBe(false);
    const lookup = await node.run(['getent', 'hosts', 'deb.debian.org'], { allowFailure: true });
    expect(lookup.exitCode).toBe(2);
  });

  test('do not see the cgroups of other nodes', async () => {
    const [first, other] = [one.node('edge-1'), one.node('edge-2')];
    // As a kubelet does it.
    await first.sh('systemd-run --quiet --slice=kubepods-probe.slice sleep 600');
    const find = ['find', '/sys/fs/cgroup', '-name', 'kubepods*'] as const;
    expect((await first.run(find)).stdout).toContain('kubepods-probe.slice');
    expect((await other.run(find)).stdout).toBe('');
    expect((await two.node('edge-1').run(find)).stdout).toBe('');
    await first.sh('systemctl stop kubepods-probe.slice');
  });

  test('stay cut off over a reboot and a power cut, but not from their own site', async () => {
    const node = one.node('edge-1');
    const [sameSite, otherSite] = [one.node('edge-3'), one.node('edge-2')];
    const check = async (connected: boolean) => {
      expect(await reaches(node, one.controlPlane.address)).toBe(connected);
      expect(await reaches(one.controlPlane, node.address)).toBe(connected);
      expect(await reaches(node, otherSite.address)).toBe(connected);
      expect(await reaches(node, sameSite.address)).toBe(true);
    };
    await check(true);
    await node.disconnect();
    await check(false);
    const list = JSON.parse((await edgeadm(['list', '-o', 'json'])).stdout.split('\n').at(-1)!);
    const listed = list.data.playgrounds.find(({ name }: { name: string }) => name === one.name);
    expect(listed.nodes.filter((each: { disconnected: boolean }) => each.disconnected)).toEqual([
      expect.objectContaining({ name: node.name, state: 'running' }),
    ]);
    await node.reboot();
    await check(false);
    await node.reboot({ powerCut: true });
    await check(false);
    await node.connect();
    await check(true);
    expect((await node.run(['nft', 'list', 'tables'])).stdout).toBe('');
  });

  test('keep disk, addresses and identity over a power cut, and lose what is in memory', async () => {
    const node = two.node('edge-1');
    const identity = 'cat /etc/machine-id /sys/class/net/eth0/address; ip -4 -o address show eth0; ip route';
    const was = (await node.sh(identity)).stdout;
    await node.sh('echo kept > /var/lib/x; echo kept > /etc/x; echo lost > /run/x; sync');
    const { stdout: boot } = await node.run(['cat', '/proc/1/stat']);
    await node.reboot({ powerCut: true });
    expect((await node.run(['cat', '/proc/1/stat'])).stdout).not.toBe(boot);
    expect((await node.sh(identity)).stdout).toBe(was);
    expect((await node.sh('cat /var/lib/x /etc/x; ls /run/x || true', { allowFailure: true })).stdout).toBe(
      'kept\nkept\n',
    );
    await node.sh('rm /var/lib/x /etc/x');
  });

  test('look the same in two snapshots, and different after a change', async () => {
    const node = two.controlPlane;
    const first = await node.snapshot();
    expect(Object.keys(first.files).length).toBeGreaterThan(3000);
    expect(diffSnapshots(first, await node.snapshot())).toEqual([]);
    await node.write('/etc/new', 'x\n', 0o600);
    await node.sh(
      'sysctl -qw net.ipv4.ip_forward=1; iptables -A INPUT -s 192.0.2.1 -j DROP; ip link add b0 type bridge',
    );
    const differences = diffSnapshots(first, await node.snapshot()).join('\n');
    expect(differences).toContain('+ file /etc/new: file 0600 0:0 2 sha256:');
    expect(differences).toContain('sysctl net.ipv4.ip_forward: 0 => 1');
    expect(differences).toContain('+ iptables-nft -A INPUT -s 192.0.2.1/32 -j DROP');
    expect(differences).toContain('+ link b0: bridge');
    await node.sh(
      'rm /etc/new; sysctl -qw net.ipv4.ip_forward=0; ip link delete b0; iptables -D INPUT -s 192.0.2.1 -j DROP',
    );
    await node.reboot();
    const rest = diffSnapshots(first, await node.snapshot(), {
      ignore: [/^(table|\}|\s+chain|\s+type filter)|^:|^\*|^COMMIT/],
    });
    expect(rest).toEqual([]);
  });

  test('run programs with standard input, exit code and terminal', async () => {
    const { name } = one.node('edge-2');
    const piped = await edgeadm(['exec', name, '--', 'sh', '-c', 'cat; echo err >&2; exit 7'], 'input');
    expect(piped).toMatchObject({ exitCode: 7, stdout: 'input', stderr: 'err' });
    expect((await edgeadm(['exec', name, '--', 'tty'], '')).stdout).toBe('not a tty');
    const terminal = await execa(
      'script',
      ['-qec', `${program} playground exec ${name} -- tty`, '/dev/null'],
      {
        reject: false,
      },
    );
    expect(terminal.stdout).toContain('/dev/pts/');
    expect(await edgeadm(['exec', name.replace('edge', 'egde'), '--', 'true'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`Did you mean "${name}"?`),
    });
  });

  test('end a program whose caller gives up', async () => {
    const node = one.node('edge-2');
    const signal = AbortSignal.timeout(1000);
    await expect(node.run(['sleep', '12345'], { signal })).rejects.toMatchObject({
      code: expect.stringMatching(/E_/),
    });
    const { stdout } = await node.run(['pgrep', '-fx', 'sleep 12345'], { allowFailure: true });
    expect(stdout).toBe('');
  });

  test('are not made over those of a playground that is there, or over a foreign container', async () => {
    const again = await edgeadm(['create', '--bare', '--name', two.name, '--edges', '0']);
    expect(again).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is there already, with other nodes'),
    });
    const foreign = `foreign${process.pid}`;
    const image = (await execa('podman', ['inspect', two.nodes[0]!.name, '--format', '{{.ImageName}}']))
      .stdout;
    await execa('podman', ['create', '--name', `${foreign}-edge-1`, '--network', 'none', image, 'true']);
    try {
      const refused = await edgeadm(['create', '--bare', '--name', foreign]);
      expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is not edgeadm's") });
      const removed = await edgeadm(['delete', '--name', foreign]);
      expect(removed.exitCode).toBe(1);
      expect((await execa('podman', ['container', 'exists', `${foreign}-edge-1`])).exitCode).toBe(0);
    } finally {
      await execa('podman', ['rm', '--force', `${foreign}-edge-1`]);
    }
  });
});
