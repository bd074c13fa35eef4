import { expect, test } from 'vitest';
import { poll } from '../support/control-plane.ts';
import {
  answeredRight,
  kubeletPaths,
  liteStatus,
  liteUnit,
  restarts,
  truth,
  whenOnline,
} from '../support/lite.ts';
import type { TestNode, TestPlayground } from '../support/playground.ts';

export interface CacheSubject {
  playground: TestPlayground;
  node: TestNode;
  namespace: string;
  /** Fails when a Pod of the node was started again or stopped since the last call with `true`. */
  podsGoOn(remember?: boolean): Promise<void>;
}

const state = '/var/lib/edgeadm/lite-apiserver';
const folder = `${state}/cache`;
const file = `${folder}/cache.db`;
/** A copy that is good, of a proxy that was stopped. */
const sound = `${state}/cache-of-test`;

/** What happens to the file while nobody has it open. `$1` is the file; `pin` is in a Secret as the base64 text NDcxMQ==. */
const damages = {
  'cut to half': 'truncate -s $(($(stat -c %s "$1") / 2)) "$1"',
  'cut to nothing': 'truncate -s 0 "$1"',
  'zeroed in its middle':
    'size=$(stat -c %s "$1"); dd if=/dev/zero of="$1" bs=1 seek=$((size / 4)) count=$((size / 2)) conv=notrunc status=none',
  'zeroed at its begin': 'dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc status=none',
  'with one bit flipped in an object': 'grep -q NDcxMQ== "$1"; sed -i s/NDcxMQ==/NDcxMA==/g "$1"',
  'with bits flipped all over':
    'size=$(stat -c %s "$1"); for n in $(seq 40); do printf "\\\\$(printf %o $((n * 5 % 256)))" | dd of="$1" bs=1 seek=$((n * size / 41)) conv=notrunc status=none; done',
  deleted: 'rm "$1"',
} as const;

/** Registers the proofs that damage of the cache makes nothing worse than unknown. */
export function cacheProofs(subject: () => CacheSubject): void {
  const filled = async (): Promise<Record<string, string>> => {
    const { playground, node, namespace } = subject();
    const paths = kubeletPaths(node, namespace);
    await whenOnline(node, true);
    // Every collection is whole again, as the kubelet asked for it again or the proxy did.
    await poll(
      'the cache to have what the kubelet reads',
      async () => {
        const { resources } = await liteStatus(node);
        const whole = resources.filter(({ identity, complete }) => identity.startsWith('node:') && complete);
        const names = whole.map(({ resource }) => resource);
        const needed = ['pods', 'nodes', 'services', 'configmaps', 'secrets'];
        return needed.every((name) => names.includes(name)) || undefined;
      },
      // The kubelet asks again for what it was refused after half a minute and more.
      { timeoutMs: 180_000 },
    );
    const right = await truth(playground.kubectl, paths);
    expect(await answeredRight(node, right)).toEqual(paths);
    return right;
  };

  test('a damaged cache is never a crash loop nor a wrong object', async () => {
    const { node, podsGoOn } = subject();
    await node.connect();
    const right = await filled();
    await podsGoOn(true);
    await node.run(['systemctl', 'stop', liteUnit]);
    await node.disconnect();
    await node.run(['cp', '-a', folder, sound]);
    for (const [how, damage] of Object.entries(damages)) {
      await node.sh(`systemctl stop ${liteUnit}; rm -rf ${folder}; cp -a ${sound} ${folder}`);
      await node.run(['sh', '-euc', damage, 'sh', file]);
      await node.run(['systemctl', 'start', liteUnit]);
      await whenOnline(node, false);
      const answered = await answeredRight(node, right);
      // Again, as what was found wrong must not be taken for right the next time.
      expect((await answeredRight(node, right)).length, how).toBeLessThanOrEqual(answered.length);
      expect(await restarts(node), how).toBe(0);
      console.info(`a cache ${how}: ${answered.length} of ${Object.keys(right).length} lists answered`);
    }
    await node.connect();
    await filled();
    expect(await restarts(node)).toBe(0);
    await podsGoOn();
    await node.run(['rm', '-r', sound]);
  });

  test('a cache deleted under the running proxy, and then the power cut, is whole again with the cloud', async () => {
    const { node, podsGoOn } = subject();
    const right = await filled();
    await node.disconnect();
    await whenOnline(node, false);
    await node.sh(`rm -rf ${folder}/*`);
    await answeredRight(node, right);
    await node.reboot({ powerCut: true });
    await whenOnline(node, false);
    expect(await answeredRight(node, right)).toEqual([]);
    expect(await restarts(node)).toBe(0);
    await node.connect();
    await filled();
    expect(await restarts(node)).toBe(0);
    await podsGoOn(true);
  });

  test('a full disk is said by name, gives no wrong object, and is made up for when there is room', async () => {
    const { playground, node, namespace, podsGoOn } = subject();
    const { kubectl } = playground;
    const patch = (milk: string | null) =>
      kubectl(['patch', 'configmap', '-n', namespace, 'prices', '-p', JSON.stringify({ data: { milk } })]);
    /** All of the kubelet's collections follow the cloud. */
    const live = () =>
      poll(
        'the watches of the kubelet',
        async () => {
          const { resources, cache } = await liteStatus(node);
          const own = resources.filter(({ identity }) => identity.startsWith('node:'));
          return (cache.problem === '' && own.every(({ live, complete }) => live && complete)) || undefined;
        },
        { timeoutMs: 120_000 },
      );
    await node.connect();
    const old = await filled();
    const paths = Object.keys(old);
    await podsGoOn(true);
    await node.sh(
      `systemctl stop ${liteUnit}; cp -a ${state} /run/state; mount -t tmpfs -o size=8m,mode=0700 none ${state}
       cp -a /run/state/. ${state}/; rm -r /run/state; systemctl start ${liteUnit}`,
    );
    try {
      await whenOnline(node, true);
      await live();
      await node.sh(`cat /dev/zero > ${state}/filler || true; test "$(stat -f -c %a ${state})" = 0`);
      await patch('x'.repeat(100_000));
      await poll('the proxy to miss room', async () => (await liteStatus(node)).cache.problem || undefined, {
        timeoutMs: 30_000,
      });
      const { result } = await node.edgeadm(['status']);
      expect(result?.data).toMatchObject({ cache: { problem: expect.stringMatching(/disk is full|I\/O/) } });
      const check = await node.edgeadm(['check', 'offline']);
      expect(check).toMatchObject({
        exitCode: 2,
        result: {
          data: { findings: expect.arrayContaining([expect.objectContaining({ id: 'CacheNotWritten' })]) },
        },
      });
      const now = await truth(kubectl, paths);
      expect(now).not.toEqual(old);
      await node.disconnect();
      await whenOnline(node, false);
      // From memory; and after a crash, what the disk had room for.
      expect(await answeredRight(node, now)).toEqual(paths);
      await node.run(['systemctl', 'kill', '--signal=KILL', liteUnit]);
      await poll('the proxy to be back', async () => (await restarts(node)) || undefined, {
        timeoutMs: 30_000,
      });
      await whenOnline(node, false);
      expect(await answeredRight(node, old)).toEqual(paths);
      await node.run(['rm', `${state}/filler`]);
      await node.connect();
      await whenOnline(node, true);
      await live();
      await node.disconnect();
      await whenOnline(node, false);
      expect(await answeredRight(node, now)).toEqual(paths);
      expect(await restarts(node)).toBe(1);
    } finally {
      await node.sh(`systemctl stop ${liteUnit}; umount ${state}; systemctl start ${liteUnit}`);
      await node.connect();
      await patch(null);
    }
    await whenOnline(node, true);
    await live();
    await podsGoOn();
  });
}
