import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { leftOver, parseTables, planRestore, readRule } from '../../../src/host/network/iptables.ts';
import { isOwnChain, isOwnLink } from '../../../src/host/network/names.ts';
import { canUnshare } from './helpers.ts';

const script = path.join(import.meta.dirname, 'inside/network.ts');

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function run(
  backend: string,
  mode: string,
): Promise<{ warnings: string[]; state: Record<string, unknown> }> {
  const args = ['--net', '--mount', '--propagation', 'private', process.execPath, script, backend, mode];
  const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
  return JSON.parse(stdout);
}

describe.runIf(canUnshare && has('nft'))('in a network namespace', () => {
  test.for(['nft', 'legacy'].filter((backend) => has(`iptables-${backend}`)))(
    'undo with %s leaves what others made, before and after, and nothing else',
    { timeout: 120_000 },
    async (backend) => {
      const [undone, expected] = await Promise.all([run(backend, 'kubernetes'), run(backend, 'without')]);
      expect(undone.warnings).toEqual([]);
      expect(undone.state).toEqual(expected.state);
    },
  );
});

test('text in a comment is no jump', () => {
  expect(readRule('-A INPUT -m comment --comment "x -j KUBE-A" -j ACCEPT')).toEqual({
    chain: 'INPUT',
    target: 'ACCEPT',
  });
  expect(readRule(String.raw`-A A -m comment --comment "a \" -j KUBE-A" -g KUBE-B`).target).toBe('KUBE-B');
  expect(readRule('-A INPUT -p tcp').target).toBeUndefined();
});

test('a chain that was there before gets its rules back', () => {
  const before = parseTables(
    '*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-OLD - [0:0]\n:KUBE-SAME - [0:0]\n-A PREROUTING -j KUBE-OLD\n-A KUBE-OLD -j ACCEPT\nCOMMIT\n',
  );
  const now = parseTables(
    '*nat\n:PREROUTING DROP [0:0]\n:KUBE-OLD - [0:0]\n:KUBE-SAME - [0:0]\n:KUBE-NEW - [0:0]\n' +
      '-A PREROUTING -j KUBE-OLD\n-A PREROUTING -j KUBE-OLD\n-A PREROUTING -j KUBE-NEW\n-A PREROUTING -j THEIRS\n-A KUBE-OLD -j DROP\nCOMMIT\n',
  );
  expect(planRestore(now, before).split('\n')).toEqual([
    '*nat',
    ':KUBE-NEW - [0:0]',
    ':KUBE-OLD - [0:0]',
    '-D PREROUTING -j KUBE-OLD',
    '-D PREROUTING -j KUBE-NEW',
    '-A KUBE-OLD -j ACCEPT',
    '-X KUBE-NEW',
    'COMMIT',
    '',
  ]);
  expect(planRestore(before, before)).toBe('');
  expect(leftOver(now, before)).toEqual(['nat KUBE-NEW']);
});

test('names of ours', () => {
  expect(['cni0', 'flannel.1', 'flannel-v6.1', 'kube-ipvs0', 'edgeadm0'].every(isOwnLink)).toBe(true);
  expect(['eth0', 'docker0', 'flannel', 'flannel.x', 'veth1', 'cni01'].some(isOwnLink)).toBe(false);
  expect(['KUBE-SERVICES', 'CNI-FORWARD', 'FLANNEL-FWD'].every(isOwnChain)).toBe(true);
  expect(['cali-FORWARD', 'DOCKER', 'MYKUBE-X', 'INPUT'].some(isOwnChain)).toBe(false);
});
