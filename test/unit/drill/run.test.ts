import { expect, test } from 'vitest';
import { type DrillDeps, runDrill } from '../../../phases/drill/run.ts';
import { bootRulesFile, type DrillReport, reportFile, stateFile } from '../../../phases/drill/state.ts';
import { FakeNode, proxyOf, putState, sightOf, stateOf } from './node.ts';

function depsOf(
  node: FakeNode,
  silent?: ReadonlySet<string>,
): DrillDeps & { stop: () => void; restarts: string[] } {
  const controller = new AbortController();
  const restarts: string[] = [];
  return {
    ...{ machine: node, emit() {}, signal: controller.signal, proxy: proxyOf(node), restarts },
    sight: async () => sightOf(node, silent),
    nodeState: async () => ({ ready: true, renewedAt: node.time + 1 }),
    async restartNode(how) {
      restarts.push(how);
    },
    stop: () => controller.abort(),
  };
}

const names = (report: DrillReport | undefined, outcome: string) =>
  report?.checks.filter((check) => check.outcome === outcome).map(({ name }) => name);

/** Nothing of a drill is left on the node but its report. */
function expectClean(node: FakeNode): void {
  expect(node.table).toBeUndefined();
  expect([...node.files.keys()].filter((path) => path.includes('drill'))).toEqual([reportFile]);
}

test('a node that goes on without the cloud passes, and nothing is left', async () => {
  const node = new FakeNode();
  putState(node, stateOf(node));
  const report = await runDrill(depsOf(node));
  expect(report).toMatchObject({ passed: true, problem: '', node: 'edge-1' });
  expect(names(report, 'pass')).toEqual([
    ...['LinkNoticed', 'PodsRun', 'EndpointsMatch', 'ServicesAnswer', 'DnsAnswers', 'StayedCut'],
    ...['LinkBack', 'NodeReady', 'NothingRestarted'],
  ]);
  expect(report!.offlineSeconds).toBeGreaterThanOrEqual(60);
  expect(report!.checks.find(({ name }) => name === 'ServicesAnswer')!.message).toContain(
    'shop/web:81 (UDP)',
  );
  expectClean(node);
});

test('a container that was started again, and one that ends in between, fail it', async () => {
  const node = new FakeNode();
  putState(node, stateOf(node));
  node.after(20, () => {
    node.tasks['web.main'] = 99;
  });
  expect(names(await runDrill(depsOf(node)), 'fail')).toEqual(['NothingRestarted']);

  const other = new FakeNode();
  putState(other, stateOf(other));
  other.after(20, () => {
    delete other.tasks['web.main'];
  });
  const report = await runDrill(depsOf(other));
  expect(names(report, 'fail')).toEqual(['PodsRun', 'NothingRestarted']);
  expect(report!.checks.find(({ name }) => name === 'PodsRun')!.message).toMatch(
    /^passed after .* no more: .*shop\/web/,
  );
  expectClean(other);
});

test('services and DNS that do not answer, and an address that no pod has, fail it', async () => {
  const node = new FakeNode();
  putState(node, stateOf(node));
  node.podAddresses[10] = '10.244.1.9';
  const report = await runDrill(depsOf(node, new Set(['10.96.1.1:80', '169.254.20.11'])));
  expect(names(report, 'fail')).toEqual(['EndpointsMatch', 'ServicesAnswer', 'DnsAnswers']);
  expect(report!.passed).toBe(false);
  expectClean(node);
});

test.each(['reboot', 'power-cut'] as const)(
  'goes on after a %s, with the link cut through it',
  async (restart) => {
    const node = new FakeNode();
    putState(node, stateOf(node, { restart }));
    const first = depsOf(node);
    const { restartNode } = first;
    first.restartNode = async (how) => {
      await restartNode(how);
      node.after(2, () => {
        node.shuttingDown = true;
        first.stop();
      });
    };
    expect(await runDrill(first)).toBeUndefined();
    expect(first.restarts).toEqual([restart]);
    expect(node.isCut).toBe(true);

    // What the boot unit does.
    const rules = node.files.get(bootRulesFile)!;
    node.files.delete(bootRulesFile);
    node.shuttingDown = false;
    node.boot(7);
    node.table = undefined;
    node.load(rules);
    node.tasks = {};
    node.after(3, () => {
      node.tasks = { web: 20, 'web.main': 21 };
      node.podAddresses = { 20: '10.244.1.2' };
    });
    const report = await runDrill(depsOf(node));
    expect(report).toMatchObject({ passed: true, restart, problem: '' });
    const run = report!.checks.find(({ name }) => name === 'PodsRun')!;
    expect(run.since).toBe('boot');
    expect(run.seconds).toBeGreaterThanOrEqual(3);
    expectClean(node);
  },
);

test('a boot at which the link was not cut shows nothing, and is said', async () => {
  const node = new FakeNode();
  node.boot(7);
  putState(node, stateOf(node, { restart: 'reboot', stage: 'restarting', cutAt: node.time }));
  const report = await runDrill(depsOf(node));
  expect(report).toMatchObject({ passed: false, problem: 'the link was not cut at the boot' });
  expectClean(node);
});

test('a stop restores the link at once, also while the node is to be restarted', async () => {
  for (const restart of ['none', 'reboot'] as const) {
    const node = new FakeNode();
    putState(node, stateOf(node, { restart }));
    const deps = depsOf(node);
    node.after(20, () => {
      expect(node.isCut).toBe(true);
      deps.stop();
    });
    expect(await runDrill(deps)).toMatchObject({ passed: false, problem: 'it was stopped' });
    expectClean(node);
  }
});

test('a process that is started again by something else ends the drill', async () => {
  const node = new FakeNode();
  putState(node, stateOf(node, { cutAt: node.time }));
  node.load('192.0.2.1 timeout 900s');
  expect((await runDrill(depsOf(node)))!.problem).toContain('started again by something else');
  expectClean(node);
});

test('the kernel restores the link at the deadline, whatever the drill does, and the drill says so', async () => {
  const node = new FakeNode();
  putState(node, stateOf(node, { durationMs: 60_000, restoreBy: node.time + 30_000 }));
  const seen: boolean[] = [];
  node.after(31, () => seen.push(node.isCut));
  const report = await runDrill(depsOf(node));
  expect(report!.offlineSeconds).toBeLessThanOrEqual(30);
  await node.pause(20_000);
  expect(seen).toEqual([false]);
  expect(node.files.has(stateFile)).toBe(false);
});

test('without a drill there is nothing to go on with', async () => {
  await expect(runDrill(depsOf(new FakeNode()))).rejects.toMatchObject({ code: 'E_PHASE_STATE' });
});
