import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { judge } from '../../phases/offline/verdict.ts';
import { offlineAnnotation } from '../../src/edge/node/offline-verdict/annotation.ts';
import { startApiServer } from '../fakes/apiserver.ts';
import { healthy } from '../unit/offline/facts.ts';
import { run, temporaryFolder } from './harness.ts';

/** A kubeconfig of a cluster with one node, which has published this. */
async function cluster(annotations: Record<string, string>): Promise<string> {
  const server = await startApiServer();
  onTestFinished(() => server.close());
  server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'edge-1', annotations } });
  const file = join(await temporaryFolder(), 'kubeconfig');
  await writeFile(file, server.kubeconfig());
  return file;
}

const published = (facts = {}): Record<string, string> => ({
  [offlineAnnotation]: JSON.stringify(judge(healthy(facts))),
});

describe('check offline NODE', () => {
  test('tells what the node published, since when, and ends with 0', async () => {
    const kubeconfig = await cluster(published());
    const { code, stdout } = await run(['check', 'offline', 'edge-1', '--kubeconfig', kubeconfig], {
      uid: 1000,
    });
    expect(stdout).toMatch(/^edge-1 survives 365 days offline; first to fail: kubelet client certificate/);
    expect(stdout).toContain('as the node itself found on 2026-11-23T12:00:00Z');
    expect(code).toBe(0);
  });

  test('ends with 2 for a node that would not come back, also for programs', async () => {
    const kubeconfig = await cluster(published({ kubeletServer: '' }));
    const done = await run(['check', 'offline', 'edge-1', '--kubeconfig', kubeconfig, '-o', 'json'], {
      uid: 1000,
    });
    expect(done.code).toBe(2);
    expect(done.events().at(-1)).toMatchObject({
      ok: false,
      data: { survives: false, days: 0, findings: [{ id: 'ProxyBypassed', severity: 'error' }] },
    });
  });

  test('says when there is nothing to tell', async () => {
    const kubeconfig = await cluster({});
    for (const [node, code] of [
      ['edge-1', 'E_EDGE_NODE'],
      ['edge-2', 'E_KUBE_API'],
    ]) {
      const done = await run(['check', 'offline', node!, '--kubeconfig', kubeconfig, '-o', 'json'], {
        uid: 1000,
      });
      expect(done).toMatchObject({ code: 1 });
      expect(done.error().code).toBe(code);
    }
  });
});

test('check offline of this host needs root', async () => {
  const done = await run(['check', 'offline', '-o', 'json'], { uid: 1000 });
  expect(done.error()).toMatchObject({ code: 'E_PREFLIGHT' });
});

test.each([[[]], [['--token', 'abc']], [['--token', 'abcdef.0123456789ABCDEF']]])(
  'certs renew kubelet %j asks for a bootstrap token, and repeats none',
  async (flags) => {
    const done = await run(['certs', 'renew', 'kubelet', ...flags, '-o', 'json']);
    expect(done.error()).toMatchObject({ code: 'E_USAGE', hint: expect.stringContaining('token create') });
    expect(done.stdout + done.stderr).not.toContain('ABCDEF');
  },
);
