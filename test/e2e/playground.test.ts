import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testPackage } from './support/package.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { diffSnapshots } from './support/snapshot.ts';

const program = join(import.meta.dirname, '../../bin/edgeadm');
const edgeadm = (args: readonly string[], input?: string) =>
  execa(program, ['playground', ...args], { reject: false, ...(input === undefined ? {} : { input }) });

/** A name of the world outside: where this machine has its packages from. */
async function packageHost(): Promise<string> {
  const { stdout } = await execa('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
  return new URL(stdout.split('\n')[0] ?? '').hostname;
}

interface Link {
  ifindex: number;
  ifname: string;
  master?: string;
}

/** What a playground is made of on this machine, as podman, the network and the cgroups name it. */
async function belongings({ name, nodes }: TestPlayground): Promise<Belongings> {
  const inspected = JSON.parse(
    (await execa('podman', ['inspect', ...nodes.map((node) => node.name)])).stdout,
  ) as { Id: string; Mounts: { Type: string; Name: string }[] }[];
  const network = `edgeadm-${name}`;
  const [{ network_interface: bridge }] = JSON.parse(
    (await execa('podman', ['network', 'inspect', network])).stdout,
  ) as [{ network_interface: string }];
  const links = JSON.parse((await execa('ip', ['-json', 'link'])).stdout) as Link[];
  return {
    networks: [network],
    containers: inspected.map(({ Id }) => Id),
    volumes: inspected.flatMap(({ Mounts }) =>
      Mounts.filter(({ Type }) => Type === 'volume').map(({ Name }) => Name),
    ),
    // Names of links are given again, numbers are not.
    links: links
      .filter(({ ifname, master }) => ifname === bridge || master === bridge)
      .map(({ ifindex }) => String(ifindex)),
    cgroups: inspected.map(({ Id }) => `libpod-${Id}`),
  };
}

type Belongings = Record<'networks' | 'containers' | 'volumes' | 'links' | 'cgroups', string[]>;

/** Those of them that are still there. */
async function remaining(before: Belongings): Promise<string[]> {
  const lines = async (file: string, args: string[]) => (await execa(file, args)).stdout.split('\n');
  const links = JSON.parse((await execa('ip', ['-json', 'link'])).stdout) as Link[];
  const cgroups = await execa('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-name', 'libpod-*'], {
    reject: false,
  });
  const now: Belongings = {
    networks: await lines('podman', ['network', 'ls', '--format', '{{.Name}}']),
    containers: await lines('podman', ['ps', '--all', '--no-trunc', '--format', '{{.ID}}']),
    volumes: await lines('podman', ['volume', 'ls', '--format', '{{.Name}}']),
    links: links.map(({ ifindex }) => String(ifindex)),
    cgroups: cgroups.stdout.split('\n').map((path) => path.split('/').at(-1)!),
  };
  return (Object.keys(now) as (keyof Belongings)[]).flatMap((kind) =>
    before[kind].filter((each) => now[kind].includes(each)).map((each) => `${kind}: ${each}`),
  );
}

/** Whether an address answers a node within a second. */
async function reaches(node: TestNode, address: string): Promise<boolean> {
  return (await node.run(['ping', '-c1', '-W1', address], { allowFailure: true })).exitCode === 0;
}

describe('bare nodes of two playgrounds side by side', () => {
  let one: TestPlayground;
  let two: TestPlayground;

  beforeAll(async () => {
    one = await createTestPlayground({ edges: 3, sites: 2 });
    two = await createTestPlayground({ edges: 1 });
  });
  afterAll(async () => {
    await one?.delete();
    await two?.delete();
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
    const lookup = await node.run(['getent', 'hosts', await packageHost()], { allowFailure: true });
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

  test('are removed whole, and only they', async () => {
    const [mine, other] = [await belongings(one), await belongings(two)];
    expect(Object.values(mine).every((names) => names.length > 0)).toBe(true);
    const { exitCode, stderr } = await edgeadm(['delete', '--name', one.name]);
    expect(exitCode, stderr).toBe(0);
    expect(await remaining(mine)).toEqual([]);
    expect(await remaining(other)).toHaveLength(Object.values(other).flat().length);
  });
});

describe('a cluster from one command', () => {
  const name = `test-${process.pid}-cluster`;
  const create = ['create', '--name', name, '--edges', '1', '-o', 'json'];
  let result: {
    ok: boolean;
    data: { timings: { nodes: Record<string, unknown> }; playground: { nodes: unknown[] } };
  };
  let packagePath: string;

  beforeAll(async () => {
    packagePath = await testPackage();
    const { stdout, stderr } = await edgeadm([...create, '--package', packagePath]);
    result = JSON.parse(stdout.split('\n').at(-1)!);
    expect(result, stderr).toMatchObject({ ok: true });
  });
  afterAll(async () => {
    if (!process.env.EDGEADM_TEST_KEEP) await edgeadm(['delete', '--name', name]);
  });

  test('has all nodes Ready, and says where the time went', async () => {
    expect(result.data.playground.nodes).toHaveLength(2);
    expect(Object.keys(result.data.timings.nodes).sort()).toEqual([
      `${name}-control-plane-1`,
      `${name}-edge-1`,
    ]);
    const { stdout } = await edgeadm(['kubectl', '--name', name, 'get', 'nodes', '--no-headers']);
    expect(stdout.split('\n').map((line) => line.split(/\s+/)[1])).toEqual(['Ready', 'Ready']);
  });

  test('kubectl reads files of this machine and passes its exit code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeadm-e2e-'));
    const file = join(folder, 'config.yaml');
    await writeFile(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: from-file }\n');
    const applied = await edgeadm(['kubectl', '--name', name, 'apply', '-f', file]);
    await rm(folder, { recursive: true });
    expect(applied).toMatchObject({ exitCode: 0, stdout: 'configmap/from-file created' });
    expect((await edgeadm(['kubectl', '--name', name, 'get', 'configmap', 'absent'])).exitCode).toBe(1);
  });

  test('runs a Pod from an image of this machine, on the edge node, which cannot pull', async () => {
    const image = `localhost/edgeadm-e2e-${process.pid}:1`;
    const folder = await mkdtemp(join(tmpdir(), 'edgeadm-e2e-'));
    // Any program that needs no library: that of the node image's package, found on a node.
    const pause = await edgeadm(
      [
        'exec',
        `${name}-edge-1`,
        '--',
        'sh',
        '-c',
        'cat $(find / -xdev -path "*/fs/pause" | head -1) 2>/dev/null | base64 -w0',
      ],
      '',
    );
    await writeFile(join(folder, 'pause'), Buffer.from(pause.stdout, 'base64'), { mode: 0o755 });
    await execa('tar', ['-C', folder, '-cf', join(folder, 'root.tar'), 'pause']);
    await execa('podman', ['import', '--change', 'ENTRYPOINT ["/pause"]', join(folder, 'root.tar'), image]);
    try {
      const loaded = await edgeadm(['load', '--name', name, image]);
      expect(loaded.stdout).toBe(`loaded ${image} on 2 nodes`);
    } finally {
      await execa('podman', ['image', 'rm', image]);
      await rm(folder, { recursive: true });
    }
    const node = `${name}-edge-1`;
    const pod = { spec: { nodeName: node, terminationGracePeriodSeconds: 0 } };
    await edgeadm([
      'kubectl',
      '--name',
      name,
      'run',
      'loaded',
      `--image=${image}`,
      '--image-pull-policy=Never',
      `--overrides=${JSON.stringify(pod)}`,
    ]);
    const waited = await edgeadm([
      'kubectl',
      '--name',
      name,
      'wait',
      '--for=condition=Ready',
      'pod/loaded',
      '--timeout=60s',
    ]);
    expect(waited.stdout, waited.stderr).toContain('condition met');
  });

  test('is left as it is when create runs again, and gets the nodes that are new', async () => {
    const again = await edgeadm([...create, '--package', packagePath]);
    expect(JSON.parse(again.stdout.split('\n').at(-1)!), again.stderr).toMatchObject({ ok: true });
    const changed = again.stdout
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type, phase, changed }) => type === 'phase-done' && changed && phase !== 'package');
    expect(changed).toEqual([]);
    const more = await edgeadm(['create', '--name', name, '--edges', '2', '--package', packagePath]);
    expect(more.exitCode, more.stderr).toBe(0);
    const { stdout } = await edgeadm(['kubectl', '--name', name, 'get', 'nodes', '--no-headers']);
    expect(stdout.split('\n').map((line) => line.split(/\s+/)[1])).toEqual(['Ready', 'Ready', 'Ready']);
  });
});
