import { describe, expect, it, vi } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import type { CreateContext, CreateOptions } from '../../../src/playground/create/context.ts';
import { createPlayground } from '../../../src/playground/create/create.ts';
import { createPhases } from '../../../src/playground/create/index.ts';
import { initPhase } from '../../../src/playground/create/init.ts';
import { joinPhase } from '../../../src/playground/create/join.ts';
import { nodesPhase, refuseTakenNames } from '../../../src/playground/create/nodes.ts';
import { listPlaygrounds } from '../../../src/playground/list.ts';
import { planNodes } from '../../../src/playground/plan.ts';
import type { Event } from '../../../src/workflow/events.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { fakeMachine } from '../../fakes/machine.ts';
import { type FakeProvider, fakeProvider } from '../../fakes/provider.ts';

const standard: CreateOptions = {
  name: 'pg',
  controlPlanes: 1,
  workers: 0,
  edges: 2,
  sites: 1,
  bare: false,
  kubernetesVersion: undefined,
  packagePath: undefined,
};
const facts = { endpoint: '10.120.1.11:6443', token: 'abcdef.0123456789abcdef', caCertHash: 'sha256:00' };

function context(options: Partial<CreateOptions> = {}, provider: FakeProvider = booting()) {
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const ctx: CreateContext = {
    options: { ...standard, ...options },
    documents: [],
    machine: fakeMachine(),
    provider,
    emit,
    cacheDirectory: '/nowhere',
    buildPackage: async () => ({ path: '/nowhere/package.tar.zst' }),
    existing: undefined,
    nodePackage: {
      location: '/cache/p.tar.zst',
      isFile: true,
      folder: '/cache/p',
      digest: 'd',
      kubernetesVersion: 'v1.36.3',
    },
    image: 'localhost/edgeadm-node:1',
    timings: {},
    warned: new Set(),
  };
  const abort = new AbortController();
  const run: PhaseRun = {
    signal: abort.signal,
    emit,
    progress: (step, amount) => emit({ type: 'progress', step, ...amount }),
  };
  return { ctx, run, events, abort, provider };
}

/** Nodes that boot and on which edgeadm works. */
function booting(): FakeProvider {
  const provider = fakeProvider();
  provider.onExec = (_node, command) => {
    if (command.join(' ').includes('is-system-running')) return { stdout: 'running\n' };
    if (command[0] !== 'edgeadm') return undefined;
    const phase = { type: 'phase-done', phase: 'preflight', seconds: 0.5, changed: true };
    return {
      stdout: `${JSON.stringify(phase)}\n${JSON.stringify({ type: 'result', ok: true, command: command[1], data: { join: facts } })}\n`,
    };
  };
  return provider;
}

const edgeadmRuns = (provider: FakeProvider) =>
  provider.executed.filter(({ command }) => command[0] === 'edgeadm');

describe('the nodes of a playground', () => {
  it('boot on a free subnet, with labels that say all there is to know', async () => {
    const { ctx, run, provider } = context({ workers: 1 });
    expect(await nodesPhase.run?.(ctx, run)).toBe(true);
    expect(provider.made.map(({ name, address, network }) => [name, address, network])).toEqual([
      ['pg-control-plane-1', '10.120.1.11', 'edgeadm-pg'],
      ['pg-worker-1', '10.120.1.21', 'edgeadm-pg'],
      ['pg-edge-1', '10.120.1.101', 'edgeadm-pg'],
      ['pg-edge-2', '10.120.1.102', 'edgeadm-pg'],
    ]);
    const [playground] = await listPlaygrounds(provider);
    expect(playground).toMatchObject({
      name: 'pg',
      subnet: '10.120.1.0/24',
      bare: false,
      kubernetesVersion: 'v1.36.3',
      packageDigest: 'd',
    });
    const planned = planNodes(ctx.options, '10.120.1.0/24');
    expect(playground?.nodes).toEqual(
      planned.map((node) => ({ ...node, playground: 'pg', state: 'running', disconnected: false })),
    );
  });
  it('are not made twice when a create is run again', async () => {
    const first = context();
    await nodesPhase.run?.(first.ctx, first.run);
    await first.provider.removeNodes(['pg-edge-2']);
    const again = context({}, first.provider);
    again.ctx.existing = (await listPlaygrounds(first.provider))[0];
    expect(await nodesPhase.run?.(again.ctx, again.run)).toBe(true);
    expect(first.provider.made.map(({ name }) => name).filter((name) => name === 'pg-edge-2')).toHaveLength(
      2,
    );
    expect(first.provider.made).toHaveLength(4);
  });
  it('that do not boot are an error with the failed units', async () => {
    const provider = fakeProvider();
    provider.onExec = (_node, command) =>
      command.includes('--failed')
        ? { stdout: 'x.service loaded failed failed X\n' }
        : { exitCode: 1, stdout: 'degraded\n' };
    const { ctx, run } = context({ edges: 0 }, provider);
    await expect(nodesPhase.run?.(ctx, run)).rejects.toMatchObject({
      code: 'E_PLAYGROUND',
      host: 'pg-control-plane-1',
      details: ['x.service loaded failed failed X'],
    });
  });
  it('are refused when somebody else has their name', async () => {
    const { ctx, provider } = context();
    provider.taken.add('pg-edge-2');
    await expect(refuseTakenNames(ctx)).rejects.toThrow('"pg-edge-2"');
  });
});

describe('the cluster of a playground', () => {
  it('is made by init on the first node and join on the others, secrets kept out of arguments', async () => {
    const { ctx, run, provider } = context({ controlPlanes: 3, workers: 1, edges: 1 });
    await nodesPhase.run?.(ctx, run);
    await initPhase.run?.(ctx, run);
    await joinPhase.run?.(ctx, run);
    const runs = edgeadmRuns(provider);
    expect(runs[0]).toMatchObject({ node: 'pg-control-plane-1' });
    expect(runs[0]?.command).toContain('--upload-certs');
    const joins = Object.fromEntries(
      runs.slice(1).map(({ node, command }) => [node, command.includes('--enable-edge=false')]),
    );
    expect(joins).toEqual({
      'pg-control-plane-2': true,
      'pg-control-plane-3': true,
      'pg-worker-1': true,
      'pg-edge-1': false,
    });
    expect(provider.executed.some(({ command }) => command.join(' ').includes(facts.token))).toBe(false);
    const config = provider.executed.find(
      ({ node, command }) => node === 'pg-edge-1' && command.join(' ').includes('cat >'),
    );
    expect(config?.input).toContain(facts.token);
    expect(ctx.timings['pg-edge-1']).toEqual({ preflight: 0.5 });
  });
  it('prepares the others while the first makes it, and joins them when both are done', async () => {
    const { ctx, run, provider } = context();
    await nodesPhase.run?.(ctx, run);
    const events = [
      { type: 'phase-start', phase: 'kubeadm', short: 'x' },
      { type: 'phase-done', phase: 'kubeadm', seconds: 1, changed: true },
      { type: 'result', ok: true, command: 'init', data: { join: facts } },
    ];
    let prepared = (): void => {};
    const prepares = new Promise<void>((resolve) => {
      prepared = resolve;
    });
    const ended: string[] = [];
    provider.onExec = async (node, command) => {
      if (command[0] !== 'edgeadm') return { exitCode: command[0] === 'cat' ? 1 : 0 };
      if (command[1] === 'init')
        return { stdout: events.map((event) => `${JSON.stringify(event)}\n`).join('') };
      // One of them fails: its join does it again, and says so if need be.
      if (command[2] === 'phase') await prepares;
      ended.push(`${node} ${command.slice(1, 4).join(' ')}`);
      return { exitCode: command[2] === 'phase' && node === 'pg-edge-1' ? 1 : 0 };
    };
    const init = initPhase.run?.(ctx, run);
    await vi.waitFor(() => expect(edgeadmRuns(provider)).toHaveLength(3));
    prepared();
    await init;
    expect(ended.toSorted()).toEqual(['pg-edge-1 join phase prepare', 'pg-edge-2 join phase prepare']);
    await joinPhase.run?.(ctx, run);
    expect(ended.slice(2).toSorted()).toEqual([
      'pg-edge-1 join --config /var/lib/edgeadm-playground/config.yaml',
      'pg-edge-2 join --config /var/lib/edgeadm-playground/config.yaml',
    ]);
  });
  it('fails with the words of the node that failed, after all joins ended', async () => {
    const { ctx, run, provider } = context();
    await nodesPhase.run?.(ctx, run);
    await initPhase.run?.(ctx, run);
    const error = { code: 'E_DISCOVERY', message: 'no answer', exitCode: 1 };
    provider.onExec = (node, command) =>
      command[0] === 'edgeadm' && node === 'pg-edge-1'
        ? { exitCode: 1, stdout: JSON.stringify({ type: 'result', ok: false, command: 'join', error }) }
        : {};
    await expect(joinPhase.run?.(ctx, run)).rejects.toMatchObject({
      host: 'pg-edge-1',
      message: expect.stringContaining('no answer (E_DISCOVERY)'),
    });
    expect(edgeadmRuns(provider).map(({ node }) => node)).toContain('pg-edge-2');
  });
  it('is left out of bare nodes', () => {
    const { ctx } = context({ bare: true });
    const skipped = createPhases.filter((phase) => phase.skip?.(ctx) !== undefined).map(({ name }) => name);
    expect(skipped).toEqual(['seed', 'init', 'join', 'ready']);
  });
});

describe('create', () => {
  it('checks the machine before anything is made', async () => {
    const { ctx, run, provider } = context();
    (ctx.machine as ReturnType<typeof fakeMachine>).free = 0;
    await expect(createPlayground(ctx, run)).rejects.toMatchObject({ code: 'E_PLAYGROUND_HOST' });
    expect(provider.made).toEqual([]);
    expect(await provider.networks()).toEqual([]);
  });
  it('refuses the name of a playground with other nodes', async () => {
    const first = context({ edges: 3 });
    await nodesPhase.run?.(first.ctx, first.run);
    const { ctx, run } = context({}, first.provider);
    await expect(createPlayground(ctx, run)).rejects.toMatchObject({
      code: 'E_PLAYGROUND',
      message: 'playground "pg" is there already, with other nodes',
      hint: expect.stringContaining('playground delete --name pg'),
    });
  });
  it('keeps the nodes of a failed run and says how to go on', async () => {
    const { ctx, run, provider } = context();
    await nodesPhase.run?.(ctx, run);
    ctx.buildPackage = async () => {
      throw new EdgeadmError('E_PACKAGE_BUILD', 'no', { hint: 'build hint' });
    };
    const error = await createPlayground(ctx, run).catch((thrown: EdgeadmError) => thrown);
    expect(error).toMatchObject({
      code: 'E_PACKAGE_BUILD',
      hint: expect.stringMatching(/^build hint\nThe nodes are kept.*delete --name pg$/),
    });
    expect(await provider.nodes()).toHaveLength(3);
  });
  it('removes what it made when it is interrupted, and nothing of an earlier run', async () => {
    for (const before of [false, true]) {
      const { ctx, run, provider, abort } = context();
      if (before) await nodesPhase.run?.(ctx, run);
      ctx.buildPackage = async () => {
        if (!before) await nodesPhase.run?.(ctx, run);
        abort.abort();
        throw abort.signal.reason;
      };
      await expect(createPlayground(ctx, run)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      expect(await provider.nodes()).toHaveLength(before ? 3 : 0);
      expect(await provider.networks()).toHaveLength(before ? 1 : 0);
    }
  });
});
