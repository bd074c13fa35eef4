import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/package/catalogue/load.ts';
import { cacheDirectory } from '../../../src/package/sources/cache.ts';
import { gomodSource } from '../../../src/package/sources/gomod.ts';
import { canUnshare } from '../host/helpers.ts';
import { scratch } from './support.ts';

/** Folders of the programs of some components, built or from the cache. */
async function programs(...names: string[]): Promise<string[]> {
  const { components } = await loadCatalogue();
  const source = gomodSource();
  return Promise.all(
    components
      .filter(({ name }) => names.includes(name))
      .map(async (component) => {
        const options = { cacheDirectory: cacheDirectory(), emit() {} };
        const fetched = await source.fetchComponent(
          component,
          process.arch === 'x64' ? 'amd64' : 'arm64',
          options,
        );
        return dirname(Object.values(fetched.programs)[0]!.path);
      }),
  );
}

let folder: string;
beforeAll(async () => {
  [folder = ''] = await programs('edgeadm-ipam');
}, 300_000);

interface Sandbox {
  pod: string;
  container: string;
  uid?: string;
}

/** A node with the plugin as container runtimes call it. */
async function node(subnets = ['10.1.2.0/29']) {
  const root = await scratch();
  const paths = { held: join(root, 'networks/cbr0'), memory: join(root, 'memory/cbr0') };
  const netns = (container: string) => join(root, 'netns', container);
  const call = (command: string, program: string, { pod, container, uid = `uid-${pod}` }: Sandbox) => {
    const conf = {
      cniVersion: '1.0.0',
      name: 'cbr0',
      type: 'bridge',
      ipam: {
        type: program,
        dataDir: join(root, 'networks'),
        memoryDir: join(root, 'memory'),
        ranges: subnets.map((subnet) => [{ subnet }]),
      },
    };
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: netns(container),
      CNI_IFNAME: 'eth0',
      CNI_PATH: folder,
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${pod};K8S_POD_INFRA_CONTAINER_ID=${container};K8S_POD_UID=${uid}`,
    };
    return new Promise<string>((resolve, reject) => {
      const child = execFile(join(folder, program), { env }, (error, stdout) =>
        error ? reject(new Error(stdout)) : resolve(stdout),
      );
      child.stdin!.end(JSON.stringify(conf));
    });
  };
  return {
    paths,
    /** Addresses of a new sandbox. */
    async add(pod: string, container: string, uid?: string): Promise<string[]> {
      await mkdir(dirname(netns(container)), { recursive: true });
      await writeFile(netns(container), '');
      const sandbox = { pod, container, ...(uid && { uid }) };
      const { ips } = JSON.parse(await call('ADD', 'edgeadm-ipam', sandbox)) as {
        ips: { address: string }[];
      };
      return ips.map(({ address }) => address.replace(/\/\d+$/, ''));
    },
    async del(pod: string, container: string): Promise<void> {
      await call('DEL', 'edgeadm-ipam', { pod, container });
      await rm(netns(container), { force: true });
    },
    check: (pod: string, container: string) => call('CHECK', 'edgeadm-ipam', { pod, container }),
    /** Every network namespace is gone, and nobody was told. */
    powerCut: () => rm(join(root, 'netns'), { recursive: true, force: true }),
  };
}

describe('edgeadm-ipam', { timeout: 120_000 }, () => {
  it('gives Pods their addresses again after a power cut, in any order', async () => {
    const { add, del, check, powerCut } = await node(['10.1.2.0/24', 'fd00:1::/64']);
    const before = new Map<string, string[]>();
    for (const pod of ['web-0', 'web-1', 'db-0']) before.set(pod, await add(pod, `${pod}.a`));
    expect(new Set([...before.values()].flat()).size).toBe(6);
    await powerCut();
    expect(await add('new', 'new.a')).not.toContain(before.get('db-0')![0]);
    for (const pod of ['db-0', 'web-1', 'web-0']) {
      expect(await add(pod, `${pod}.b`)).toEqual(before.get(pod));
      // The runtime ends the sandbox of before when it sees that it is dead: the address is the new one's by now.
      await del(pod, `${pod}.a`);
      await check(pod, `${pod}.b`);
    }
  });

  it('remembers what was released, and leaves it alone while there is another', async () => {
    const { add, del } = await node();
    const [first] = await add('a', 'a1');
    await del('a', 'a1');
    expect(await add('b', 'b1')).not.toEqual([first]);
    expect(await add('a', 'a2')).toEqual([first]);
  });

  it('takes what was not used for the longest time when there is no other, never what is in use', async () => {
    const { add, del } = await node();
    const given: Record<string, string> = {};
    for (const pod of ['a', 'b', 'c', 'd', 'e']) [given[pod] = ''] = await add(pod, pod);
    await expect(add('f', 'f')).rejects.toThrow('no IP addresses available');
    await del('d', 'd');
    await del('b', 'b');
    expect(await add('f', 'f')).toEqual([given.d]);
    expect(await add('g', 'g')).toEqual([given.b]);
    await expect(add('d', 'd2')).rejects.toThrow('no IP addresses available');
    await del('a', 'a');
    expect(await add('d', 'd2')).toEqual([given.a]);
  });

  it('does not take the address of a Pod of the same name that still runs', async () => {
    const { add } = await node();
    const old = await add('web-0', 'one', 'uid-1');
    expect(await add('web-0', 'two', 'uid-2')).not.toEqual(old);
    // A new sandbox of the very Pod: the kubelet has ended the old one.
    expect(await add('web-0', 'three', 'uid-2')).toEqual(['10.1.2.3']);
  });

  it('starts from what a power cut left of files', async () => {
    const { add, powerCut, paths } = await node();
    for (const pod of ['a', 'b', 'c', 'd']) await add(pod, pod);
    await powerCut();
    await writeFile(join(paths.memory, '10.1.2.2'), '');
    await writeFile(join(paths.memory, '10.1.2.3'), '{"pod":"shop/b","ui');
    await writeFile(join(paths.memory, '.new-123'), '{"pod"');
    await writeFile(join(paths.held, '10.1.2.2'), '');
    await writeFile(join(paths.held, '10.1.2.4'), '\0\0\0\0');
    await writeFile(join(paths.held, 'last_reserved_ip.0'), '');
    expect(await add('d', 'd2')).toEqual(['10.1.2.5']);
    expect(await add('c', 'c2')).toEqual(['10.1.2.4']);
    expect([await add('x', 'x'), await add('y', 'y')].flat().sort()).toEqual(['10.1.2.2', '10.1.2.6']);
    expect((await readdir(paths.memory)).sort()).not.toContain('.new-123');
  });

  it('leaves reservations of host-local alone, whose place it took', async () => {
    const { add, del, paths } = await node();
    await mkdir(paths.held, { recursive: true });
    await writeFile(join(paths.held, '10.1.2.2'), 'older\r\neth0');
    expect(await add('a', 'a1')).toEqual(['10.1.2.3']);
    expect(await readFile(join(paths.held, '10.1.2.3'), 'utf8')).toBe('a1\r\neth0');
    // A runtime that ends what ran before gives it back by the plugin of today.
    await del('old', 'older');
    expect(await readdir(paths.held)).not.toContain('10.1.2.2');
  });

  it('gives each of many at once an address of its own', async () => {
    const { add } = await node(['10.1.2.0/24']);
    const given = await Promise.all(Array.from({ length: 30 }, (_, n) => add(`pod-${n}`, `c-${n}`)));
    expect(new Set(given.flat()).size).toBe(30);
  });

  it('refuses a second address for a sandbox, and what it cannot do', async () => {
    const { add, check } = await node();
    await add('a', 'a1');
    await expect(add('a', 'a1')).rejects.toThrow('already');
    await expect(check('b', 'b1')).rejects.toThrow('has no address');
  });

  it('never shares an address, whatever happens in which order', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ pod: fc.integer({ min: 0, max: 7 }) }) },
      { weight: 1, arbitrary: fc.constant('power cut' as const) },
    );
    const runs = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async (steps) => {
      const { add, del, powerCut } = await node();
      const living = new Map<number, { container: string; address: string }>();
      const last = new Map<number, string>();
      for (const [count, each] of steps.entries()) {
        if (each === 'power cut') {
          await powerCut();
          living.clear();
          continue;
        }
        const runs = living.get(each.pod);
        if (runs) {
          await del(`pod-${each.pod}`, runs.container);
          living.delete(each.pod);
          continue;
        }
        const container = `c-${count}`;
        const given = await add(`pod-${each.pod}`, container).catch(() => undefined);
        const inUse = [...living.values()].map(({ address }) => address);
        if (!given) {
          expect(inUse).toHaveLength(5);
          continue;
        }
        const [address = ''] = given;
        expect(inUse).not.toContain(address);
        // Five addresses: while no more Pods than that were seen, each has one for good.
        if (last.size <= 5 && last.has(each.pod)) expect(address).toBe(last.get(each.pod));
        last.set(each.pod, address);
        living.set(each.pod, { container, address });
      }
    });
    await fc.assert(runs, { numRuns: 15 });
  });
});

describe.runIf(canUnshare)('flannel with edgeadm-ipam in a network namespace', { timeout: 300_000 }, () => {
  it("gives a Pod's interface the address of before the boot", async () => {
    const root = await scratch();
    const path = (await programs('cni-plugins', 'flannel-cni-plugin', 'edgeadm-ipam')).join(':');
    const subnet =
      'FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
    await writeFile(join(root, 'subnet.env'), subnet);
    const conf = {
      cniVersion: '0.3.1',
      name: 'cbr0',
      type: 'flannel',
      subnetFile: join(root, 'subnet.env'),
      dataDir: join(root, 'flannel'),
      ipam: { type: 'edgeadm-ipam', dataDir: join(root, 'networks'), memoryDir: join(root, 'memory') },
      delegate: { hairpinMode: true, isDefaultGateway: true },
    };
    await writeFile(join(root, 'conf.json'), JSON.stringify(conf));
    const script = `
      mount -t tmpfs none /run; mkdir /run/netns; ip link set lo up
      plugin() { # COMMAND CONTAINER POD
        CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=eth0 CNI_PATH=${path} \\
        CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=d;K8S_POD_NAME=$3;K8S_POD_UID=$3" \\
        "$(PATH=${path} command -v flannel)" < ${root}/conf.json > ${root}/out || { cat ${root}/out; exit 1; }
      }
      add() { ip netns add $1; plugin ADD $1 $2; ip -n $1 -4 -o address show eth0 | awk -v pod=$2 '{print pod, $4}'; }
      for boot in 1 2 3; do
        for pod in a b c; do add $pod$boot $pod; [ $boot = 1 ] || plugin DEL $pod$((boot - 1)) $pod; done
        for pod in a b c; do ip netns del $pod$boot; done; ip link del cni0
        # A boot: what is in /run is gone, and with it what the plugins would need to release anything.
        [ $boot = 2 ] || rm -r ${root}/flannel; add extra$boot extra$boot
      done`;
    const output = execFileSync(
      'unshare',
      ['--net', '--mount', '--propagation', 'private', 'sh', '-euc', script],
      {
        encoding: 'utf8',
      },
    );
    const lines = output.trim().split('\n');
    const ofBoot = (boot: number) => lines.slice((boot - 1) * 4, (boot - 1) * 4 + 3);
    expect(ofBoot(1)).toEqual(['a 10.9.3.2/24', 'b 10.9.3.3/24', 'c 10.9.3.4/24']);
    expect(ofBoot(2)).toEqual(ofBoot(1));
    expect(ofBoot(3)).toEqual(ofBoot(1));
    expect(lines.filter((line) => line.startsWith('extra')).map((line) => line.split(' ')[1])).toEqual([
      '10.9.3.5/24',
      '10.9.3.6/24',
      '10.9.3.7/24',
    ]);
  });
});
