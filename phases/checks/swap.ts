import type { Host } from '../../src/host/host.ts';
import { keepSwapHint, toleratesSwap } from '../node/swap.ts';
import { type Check, error, type NodeSettings, warning } from './check.ts';

/** Bit of CAP_SYS_ADMIN in a capability set (linux/capability.h). */
const CAP_SYS_ADMIN = 21n;

/** node-init turns swap off, as the kubelet refuses to start with it; what would keep it from that is an error. */
export const swap: Check<NodeSettings> = {
  name: 'Swap',
  applies: (settings) => !toleratesSwap(settings),
  async run(host) {
    const areas = await swapAreas(host);
    if (areas.length === 0) return [];
    const names = areas.map(({ path }) => path).join(', ');
    const obstacle = await obstacleToSwapOff(host, areas);
    if (obstacle)
      return [
        error(
          `swap is on (${names}) and cannot be turned off: ${obstacle.reason}`,
          `${obstacle.fix} ${keepSwapHint}`,
        ),
      ];
    const fix =
      'node-init turns it off and comments it out in /etc/fstab; `edgeadm reset` turns it on again.';
    return [warning(`swap is on: ${names}`, fix)];
  },
};

interface SwapArea {
  path: string;
  usedKb: number;
}

/** proc_swaps(5): file name, type, size, used, priority; sizes in KiB, blanks in names as \040. */
async function swapAreas(host: Host): Promise<SwapArea[]> {
  const [, ...lines] = ((await host.readText('/proc/swaps')) ?? '').trim().split('\n');
  return lines.flatMap((line) => {
    const [path, , , used] = line.split(/\s+/);
    return path ? [{ path: path.replaceAll('\\040', ' '), usedKb: Number(used) || 0 }] : [];
  });
}

async function obstacleToSwapOff(
  host: Host,
  areas: readonly SwapArea[],
): Promise<{ reason: string; fix: string } | undefined> {
  const status = (await host.readText('/proc/self/status')) ?? '';
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (capabilities && ((BigInt(`0x${capabilities}`) >> CAP_SYS_ADMIN) & 1n) === 0n) {
    return {
      reason: 'CAP_SYS_ADMIN is missing',
      fix: 'Run `swapoff -a` on the machine that this container runs on.',
    };
  }
  for (const { path } of areas) {
    if (!(await host.stat(path))) {
      return {
        reason: `${path} is not visible here`,
        fix: 'It belongs to the machine that this container runs on: run `swapoff -a` there.',
      };
    }
  }
  const used = areas.reduce((sum, { usedKb }) => sum + usedKb, 0);
  const memory = (await host.readText('/proc/meminfo')) ?? '';
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(memory)?.[1] ?? Number.POSITIVE_INFINITY);
  if (used <= available) return undefined;
  const mb = (kilobytes: number) => `${Math.round(kilobytes / 1024)} MB`;
  return {
    reason: `${mb(used)} are swapped out, and only ${mb(available)} of memory are free`,
    fix: 'Stop what uses the memory.',
  };
}
