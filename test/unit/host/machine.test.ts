import { expect, test } from 'vitest';
import { machineFacts } from '../../../src/host/machine.ts';

const files = (content: Record<string, string>) => async (path: string) => content[path];

test('a unified hierarchy is cgroup v2, anything else v1', async () => {
  const unified = files({ '/sys/fs/cgroup/cgroup.controllers': 'cpu io memory pids\n' });
  expect((await machineFacts(unified, 'a', 'x64')).cgroupVersion).toBe(2);
  expect((await machineFacts(files({}), 'a', 'x64')).cgroupVersion).toBe(1);
});

test.each([
  ['000001ffffffffff', true],
  ['000001fffeffffff', false],
  ['0000000000000000', false],
])('CapEff %s lets it lower oom_score_adj: %s', async (set, expected) => {
  const read = files({
    '/proc/self/status': `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${set}\nCapBnd:\t0\n`,
  });
  expect((await machineFacts(read, 'a', 'x64')).canLowerOomScore).toBe(expected);
});

test('the host name is lower-case and the processor has its Go name', async () => {
  expect(await machineFacts(files({}), 'Edge-1\n', 'arm64')).toMatchObject({
    hostname: 'edge-1',
    arch: 'arm64',
  });
  await expect(machineFacts(files({}), 'a', 'ia32')).rejects.toMatchObject({
    code: 'E_PREFLIGHT',
    exitCode: 2,
  });
});
