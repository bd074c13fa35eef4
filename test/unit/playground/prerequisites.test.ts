import { describe, expect, it } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { parseAptStatus } from '../../../src/playground/prerequisites/tools.ts';
import type { Needs } from '../../../src/playground/prerequisites/types.ts';
import { ensurePrerequisites } from '../../../src/playground/prerequisites.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { type FakeMachine, fakeMachine } from '../../fakes/machine.ts';

const needs: Needs = {
  controlPlanes: 1,
  others: 2,
  bare: false,
  buildPackage: true,
  buildImage: true,
  cacheDirectory: '/root/.cache/edgeadm',
};

async function ensure(machine: FakeMachine, wanted: Partial<Needs> = {}) {
  const events: Event[] = [];
  const steps: string[] = [];
  const result = ensurePrerequisites(
    machine,
    { ...needs, ...wanted },
    {
      emit: (event) => events.push(event),
      signal: new AbortController().signal,
      progress: (step) => steps.push(step),
    },
  );
  const changed = await result.catch((error: EdgeadmError) => error);
  const changing = machine.ran.filter(
    ({ file, args }) => ['apt-get', 'sysctl', 'modprobe'].includes(file) && args,
  );
  return { changed, events, steps, changing };
}

describe('a machine that has everything', () => {
  it('is left alone', async () => {
    const machine = fakeMachine();
    expect(await ensure(machine)).toMatchObject({ changed: false, events: [], changing: [] });
  });
});

describe('what a person must change', () => {
  it.each<[string, (machine: FakeMachine) => void, string]>([
    [
      'not root',
      (machine) => {
        machine.uid = 1000;
      },
      'not root',
    ],
    [
      'another system',
      (machine) => {
        machine.platform = 'darwin';
      },
      'this system is darwin',
    ],
    [
      'a reduced container',
      (machine) => machine.files.set('/proc/self/status', 'CapEff:\t00000000a80425fb\n'),
      'CAP_SYS_ADMIN',
    ],
    [
      'missing v2 controllers',
      (machine) => machine.files.set('/sys/fs/cgroup/cgroup.controllers', 'cpu pids'),
      'cpuset, memory',
    ],
    [
      'missing v1 hierarchies',
      (machine) => machine.files.delete('/sys/fs/cgroup/cgroup.controllers'),
      'name=systemd',
    ],
    [
      'a kernel without VXLAN',
      (machine) =>
        machine.files.set(
          '/proc/config.gz',
          machine.files.get('/proc/config.gz')!.replace('CONFIG_VXLAN=y', ''),
        ),
      'CONFIG_VXLAN',
    ],
    [
      'little memory',
      (machine) => machine.files.set('/proc/meminfo', 'MemAvailable: 900000 kB\n'),
      'of memory are available',
    ],
    [
      'a full disk',
      (machine) => {
        machine.free = 1e9;
      },
      'are free for',
    ],
    [
      'few open files',
      (machine) => machine.files.set('/proc/self/limits', 'Max open files  1024  1024  files\n'),
      'hard limit of open files is 1024',
    ],
    ['no Go', (machine) => machine.programs.delete('go'), 'Go is not installed'],
    [
      'an old Go',
      (machine) => {
        machine.onRun = ({ file }) => (file === 'go' ? { stdout: 'go1.19.8' } : undefined);
      },
      'Go is go1.19.8',
    ],
    [
      'an old podman',
      (machine) => {
        machine.onRun = ({ file }) => (file === 'podman' ? { stdout: '3.0.1' } : undefined);
      },
      'podman is 3.0.1',
    ],
    [
      'a podman that fails',
      (machine) => {
        machine.onRun = ({ file }) =>
          file === 'podman' ? { exitCode: 125, stderr: 'Error: no storage' } : undefined;
      },
      'no storage',
    ],
    [
      'a dropping firewall',
      (machine) => {
        machine.files.set('/proc/sys/net/bridge/bridge-nf-call-iptables', '1\n');
        machine.onRun = ({ file }) =>
          file === 'iptables' ? { stdout: '-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n' } : undefined;
      },
      'drops forwarded packets',
    ],
    [
      'missing programs without apt',
      (machine) => {
        machine.programs.delete('apt-get');
        machine.programs.delete('podman');
      },
      'missing: podman',
    ],
  ])('%s is told with a fix, and nothing is changed', async (_name, breakIt, message) => {
    const machine = fakeMachine();
    machine.programs.delete('mmdebstrap');
    breakIt(machine);
    const { changed, changing } = await ensure(machine);
    expect(changed).toBeInstanceOf(EdgeadmError);
    const error = changed as EdgeadmError;
    expect(error.code).toBe('E_PLAYGROUND_HOST');
    expect(error.exitCode).toBe(2);
    expect([error.message, ...error.details].join('\n')).toContain(message);
    expect(error.hint).toBeTruthy();
    expect(changing).toEqual([]);
  });

  it('asks for less disk when components were built before', async () => {
    const machine = fakeMachine();
    machine.free = 8 * 1024 ** 3;
    expect((await ensure(machine)).changed).toMatchObject({ code: 'E_PLAYGROUND_HOST' });
    machine.files.set('/root/.cache/edgeadm/components', '');
    expect((await ensure(machine)).changed).toBe(false);
  });
  it('is told all at once', async () => {
    const machine = fakeMachine();
    machine.uid = 1000;
    machine.free = 0;
    machine.programs.delete('go');
    const { changed } = await ensure(machine);
    expect((changed as EdgeadmError).details).toHaveLength(3);
    expect((changed as EdgeadmError).hint?.split('\n')).toHaveLength(3);
  });
  it('is asked for only when it is needed', async () => {
    const machine = fakeMachine();
    for (const program of ['go', 'gcc', 'mmdebstrap', 'pkg-config']) machine.programs.delete(program);
    expect((await ensure(machine, { buildPackage: false, buildImage: false })).changed).toBe(false);
  });
  it('takes cgroup v1 when all of it is mounted', async () => {
    const machine = fakeMachine();
    machine.files.delete('/sys/fs/cgroup/cgroup.controllers');
    const mounted = [
      'cpu,cpuacct',
      'cpuset',
      'memory',
      'pids',
      'devices',
      'freezer',
      'blkio',
      'name=systemd',
    ];
    machine.files.set(
      '/proc/mounts',
      mounted.map((name) => `cgroup /sys/fs/cgroup/x cgroup rw,relatime,${name} 0 0`).join('\n'),
    );
    expect((await ensure(machine)).changed).toBe(false);
  });
});

describe('what edgeadm repairs', () => {
  it('installs missing packages, once each, and tells so', async () => {
    const machine = fakeMachine();
    for (const program of ['podman', 'runc', 'mmdebstrap']) machine.programs.delete(program);
    machine.onRun = ({ file, args = [] }) => {
      if (file !== 'apt-get' || !args.includes('install')) return undefined;
      for (const program of ['podman', 'runc', 'mmdebstrap']) machine.programs.add(program);
      return { stdout: 'pmstatus:podman:45.2:Unpacking podman (amd64)\n' };
    };
    const { changed, events, steps, changing } = await ensure(machine);
    expect(changed).toBe(true);
    expect(events).toEqual([
      expect.objectContaining({
        type: 'change',
        planned: false,
        summary: 'install the Debian packages podman, runc, mmdebstrap',
      }),
    ]);
    expect(steps).toContain('Unpacking podman (amd64)');
    expect(changing[0]?.args?.slice(-3)).toEqual(['podman', 'runc', 'mmdebstrap']);
    expect(changing[0]?.args).toContain('--no-install-recommends');
  });
  it('installs what the package builder lacks', async () => {
    const machine = fakeMachine();
    machine.programs.delete('gcc');
    machine.onRun = ({ file }) => {
      if (file === 'apt-get') machine.programs.add('gcc');
      return undefined;
    };
    expect((await ensure(machine)).changing[0]?.args?.at(-1)).toBe('gcc');
    machine.programs.delete('gcc');
    expect((await ensure(machine, { buildPackage: false })).changed).toBe(false);
  });
  it('refreshes the package lists when apt knows no file', async () => {
    const machine = fakeMachine();
    machine.programs.delete('runc');
    let updated = false;
    machine.onRun = ({ file, args = [] }) => {
      if (file !== 'apt-get') return undefined;
      if (args.includes('update')) {
        updated = true;
        // One of several sources does not answer.
        return new EdgeadmError('E_COMMAND', 'apt-get update failed');
      }
      if (!updated) return new EdgeadmError('E_COMMAND', 'unable to locate package');
      machine.programs.add('runc');
      return {};
    };
    expect((await ensure(machine)).changed).toBe(true);
  });
  it('fails when a repair did not help', async () => {
    const machine = fakeMachine();
    machine.programs.delete('runc');
    expect((await ensure(machine)).changed).toMatchObject({ code: 'E_PLAYGROUND_HOST' });
  });
  it('raises inotify limits', async () => {
    const machine = fakeMachine();
    machine.files.set('/proc/sys/fs/inotify/max_user_instances', '128\n');
    machine.onRun = ({ file }) => {
      if (file === 'sysctl') machine.files.set('/proc/sys/fs/inotify/max_user_instances', '8192\n');
      return undefined;
    };
    const { changed, changing } = await ensure(machine);
    expect(changed).toBe(true);
    expect(changing.map(({ args }) => args)).toEqual([['-w', 'fs.inotify.max_user_instances=8192']]);
  });
  it('loads modules that are no part of the kernel itself', async () => {
    const machine = fakeMachine();
    machine.files.set(
      '/proc/config.gz',
      machine.files
        .get('/proc/config.gz')!
        .replace('VXLAN=y', 'VXLAN=m')
        .replace('OVERLAY_FS=y', 'OVERLAY_FS=m'),
    );
    machine.files.set('/sys/module/overlay', '');
    machine.onRun = ({ file }) => {
      if (file === 'modprobe') machine.files.set('/sys/module/vxlan', '');
      return undefined;
    };
    expect((await ensure(machine)).changing.map(({ args }) => args)).toEqual([['--all', 'vxlan']]);
  });
});

describe('the status lines of apt', () => {
  it.each([
    ['pmstatus:podman:45.2:Unpacking podman (amd64)', { step: 'Unpacking podman (amd64)', percent: 45.2 }],
    ['pmstatus:libc6:amd64:10:Installing libc6:amd64', { step: 'Installing libc6:amd64', percent: 10 }],
    ['dlstatus:1:20.5:Retrieving file 1 of 9', { step: 'Retrieving file 1 of 9', percent: 20.5 }],
  ])('%s', (line, status) => {
    expect(parseAptStatus(line)).toEqual(status);
  });
  it('are told from its other output', () => {
    expect(parseAptStatus('Setting up podman (4.3.1) ...')).toBeUndefined();
  });
});
