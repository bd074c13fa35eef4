import { describe, expect, it } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import type { Command, CommandResult } from '../../../src/host/host.ts';
import { podmanProvider } from '../../../src/playground/podman.ts';
import { readLimits, runArguments } from '../../../src/playground/podman-arguments.ts';
import { parseContainers, parseImages, parseNetworks } from '../../../src/playground/podman-output.ts';

const node = {
  name: 'pg-edge-1',
  network: 'edgeadm-pg',
  address: '10.120.0.101',
  macAddress: '02:ed:0a:78:00:65',
  image: 'localhost/edgeadm-node:1',
  labels: { 'io.edgeadm.playground': 'pg' },
  mounts: [{ source: '/cache/program', target: '/opt/edgeadm/program', readOnly: true }],
};

function recorded(answer: (args: readonly string[]) => Partial<CommandResult> | Error = () => ({})) {
  const calls: Command[] = [];
  const provider = podmanProvider(
    () => {},
    async (command) => {
      calls.push(command);
      const result = answer(command.args ?? []);
      if (result instanceof Error) throw result;
      return { exitCode: 0, stdout: '', stderr: '', ...result };
    },
  );
  return { calls, provider };
}

describe('podman run', () => {
  const args = runArguments(node, { openFiles: 20_000, processes: 32_768 });
  it('keeps the cgroups of nodes apart', () => {
    expect(args).toContain('--systemd=false');
    expect(args).toContain('--cgroupns=private');
    expect(args.slice(0, 2)).toEqual(['--runtime', 'runc']);
  });
  it('asks for no more than the hard limits', () => {
    expect(args).toContain('nofile=20000:20000');
    expect(args).toContain('nproc=32768:32768');
  });
  it('gives fixed addresses, labels, a disk for /var and read-only mounts', () => {
    const option = (flag: string) => args[args.indexOf(flag) + 1];
    expect(option('--ip')).toBe('10.120.0.101');
    expect(option('--mac-address')).toBe('02:ed:0a:78:00:65');
    expect(option('--volume')).toBe('/var');
    expect(option('--label')).toBe('io.edgeadm.playground=pg');
    expect(option('--mount')).toBe('type=bind,source=/cache/program,target=/opt/edgeadm/program,readonly');
    expect(args.slice(-2)).toEqual(['localhost/edgeadm-node:1', '/sbin/init']);
  });
});

describe('limits of the machine', () => {
  const text = (files: string, processes: string) =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax processes             1024                 ${processes}                processes\nMax open files            1024                 ${files}                files\n`;
  it('are read', () => {
    expect(readLimits(text('20000', '96343'), '4194304\n')).toEqual({ openFiles: 20_000, processes: 96_343 });
  });
  it('are cut to what makes sense, and to the process IDs there are', () => {
    expect(readLimits(text('1073741816', 'unlimited'), '32768\n')).toEqual({
      openFiles: 1_048_576,
      processes: 32_768,
    });
  });
});

describe('output of podman', () => {
  it('of ps', () => {
    const text = JSON.stringify([
      { Names: ['a'], State: 'running', Labels: { x: 'y' }, Created: 1_795_402_409, Pid: 12 },
      { Names: ['b'], State: 'exited', Labels: null, Created: 1_795_402_409, Pid: 0 },
      { Names: ['c'], State: 'stopping', Labels: null, Created: 0, Pid: 0 },
    ]);
    expect(parseContainers(text)).toEqual([
      { name: 'a', state: 'running', labels: { x: 'y' }, created: '2026-11-23T02:53:29.000Z', pid: 12 },
      expect.objectContaining({ name: 'b', state: 'exited', labels: {}, pid: undefined }),
      expect.objectContaining({ name: 'c', state: 'exited' }),
    ]);
  });
  it('of network ls, and of nothing', () => {
    const text = JSON.stringify([
      {
        name: 'n',
        created: '2026-11-23T02:52:52.858549452Z',
        subnets: [{ subnet: '10.1.0.0/24' }],
        labels: { a: 'b' },
      },
      { name: 'podman', created: '2026-11-23T02:52:52Z' },
    ]);
    expect(parseNetworks(text)).toEqual([
      { name: 'n', created: '2026-11-23T02:52:52.858Z', subnets: ['10.1.0.0/24'], labels: { a: 'b' } },
      { name: 'podman', created: '2026-11-23T02:52:52.000Z', subnets: [], labels: {} },
    ]);
    expect(parseContainers('\n')).toEqual([]);
    expect(parseContainers('null')).toEqual([]);
    expect(parseImages('[{"Names":null}]')).toEqual([{ names: [], containers: 0 }]);
  });
  it('that is no JSON is an error with a hint', () => {
    expect(() => parseContainers('Error: no')).toThrow(expect.objectContaining({ code: 'E_PLAYGROUND' }));
  });
});

describe('programs in a node', () => {
  it('read standard input only when there is some', async () => {
    const { calls, provider } = recorded();
    await provider.exec('n', ['true']);
    await provider.exec('n', ['cat'], { input: 'x' });
    expect(calls[0]?.args).not.toContain('--interactive');
    expect(calls[1]?.args).toContain('--interactive');
    expect(calls[1]?.args?.slice(-2)).toEqual(['n', 'cat']);
  });
  it('are ended in the node too when the run is aborted', async () => {
    const abort = new AbortController();
    const { calls, provider } = recorded((args) => {
      if (args.includes('sleep')) {
        abort.abort();
        return new EdgeadmError('E_INTERRUPTED', 'interrupted');
      }
      return {};
    });
    await expect(provider.exec('n', ['sleep', '9'], { signal: abort.signal })).rejects.toThrow('interrupted');
    const mark = calls[0]?.args?.find((arg) => arg.startsWith('EDGEADM_PLAYGROUND_EXEC='));
    expect(calls).toHaveLength(2);
    expect(calls[1]?.args?.at(-1)).toBe(mark);
    expect(calls[1]?.args).toContain('sh');
  });
  it('that fail by themselves leave nothing to end', async () => {
    const { calls, provider } = recorded(() => new EdgeadmError('E_COMMAND', 'failed'));
    await expect(provider.exec('n', ['false'])).rejects.toThrow('failed');
    expect(calls).toHaveLength(1);
  });
});

describe('removal', () => {
  it('names exactly the nodes, with their volumes', async () => {
    const { calls, provider } = recorded();
    await provider.removeNodes(['a', 'b']);
    await provider.removeNodes([]);
    expect(calls.map(({ args }) => args)).toEqual([
      ['rm', '--force', '--ignore', '--volumes', '--time', '0', 'a', 'b'],
    ]);
  });
  it('is tried again while processes of a node are still ending, and for nothing else', async () => {
    const stopping = 'Error: cannot remove container a as it could not be stopped: given PIDs did not die';
    const failures = [stopping, 'Error: no space left on device'];
    const { calls, provider } = recorded(() => {
      const details = failures.shift();
      return details ? new EdgeadmError('E_COMMAND', 'podman rm failed', { details: [details] }) : {};
    });
    await expect(provider.removeNodes(['a'])).rejects.toMatchObject({
      details: [expect.stringContaining('no space')],
    });
    expect(calls).toHaveLength(2);
    failures.push(stopping);
    await provider.removeNodes(['a']);
    expect(calls).toHaveLength(4);
  });
});
