import { expect, test } from 'vitest';
import { publishedNote, readPublished } from '../../../../phases/offline/published.ts';
import { judge } from '../../../../phases/offline/verdict.ts';
import { verdictText } from '../../../../src/commands/offline-text.ts';
import { offlineAnnotation } from '../../../../src/edge/node/offline-verdict/annotation.ts';
import { publish, type Verdict } from '../../../../src/edge/node/offline-verdict/part.ts';
import type { NodeProcess } from '../../../../src/edge/node/part.ts';
import type { KubeClient } from '../../../../src/kube/types.ts';
import { answerOf } from '../../../fakes/answer.ts';
import { healthy } from '../../offline/facts.ts';

/** A node's process whose requests are kept. */
function node(statusCode = 200) {
  const sent: { method: string; path: string; type: unknown; body: string }[] = [];
  const send = async (request: { method: string; path: string; headers: string[]; body: Buffer }) => {
    const { method, path, headers, body } = request;
    const type = headers[headers.indexOf('content-type') + 1];
    sent.push({ method, path, type, body: body.toString() });
    return answerOf(statusCode, '{"message":"no"}');
  };
  const process = {
    config: { nodeName: 'edge-1' },
    proxy: { context: { transport: { send } } },
    signal: new AbortController().signal,
  } as unknown as NodeProcess;
  return { process, sent };
}

const verdict = (): Verdict => ({ ...judge(healthy()) });
const annotation = (body: string): string =>
  JSON.parse(body).metadata.annotations[offlineAnnotation] as string;

test('a verdict goes to the own Node, and is read there', async () => {
  const { process, sent } = node();
  await publish(process, undefined, async () => verdict());
  expect(sent).toMatchObject([
    { method: 'PATCH', path: '/api/v1/nodes/edge-1', type: 'application/merge-patch+json' },
  ]);
  const text = annotation(sent[0]!.body);
  const conditions = [{ type: 'Ready', status: 'Unknown', lastHeartbeatTime: '2026-11-23T11:00:00Z' }];
  const kube = {
    get: async () => ({ metadata: { annotations: { [offlineAnnotation]: text } }, status: { conditions } }),
  } as unknown as KubeClient;
  expect(await readPublished(kube, 'edge-1')).toEqual({
    ...verdict(),
    reachable: false,
    lastHeard: '2026-11-23T11:00:00Z',
    omitted: 0,
  });
});

test('the same verdict is not sent again for its time alone, another one is', async () => {
  const { process, sent } = node();
  const first = await publish(process, undefined, async () => verdict());
  const second = await publish(process, first, async () => ({ ...verdict(), checkedAt: 'later' }));
  expect(sent).toHaveLength(1);
  await publish(process, second, async () => ({ ...verdict(), days: 3 }));
  expect(sent).toHaveLength(2);
});

test('a node with very many findings publishes the first of them', async () => {
  const { process, sent } = node();
  const [one] = judge(healthy({ proxy: undefined })).findings;
  const findings = Array.from({ length: 1000 }, () => one!);
  await publish(process, undefined, async () => ({ ...verdict(), findings }));
  const text = annotation(sent[0]!.body);
  expect(text.length).toBeLessThan(33_000);
  const kept = JSON.parse(text) as { findingsInAll: number; findings: unknown[] };
  expect(kept.findingsInAll).toBe(1000);
  expect(kept.findings.length).toBeGreaterThan(50);
  expect(kept.findings[0]).toEqual(one);
  const kube = {
    get: async () => ({ metadata: { annotations: { [offlineAnnotation]: text } } }),
  } as unknown as KubeClient;
  const read = await readPublished(kube, 'edge-1');
  expect(read.omitted).toBe(1000 - kept.findings.length);
  expect(publishedNote(read)).toContain(`; ${read.omitted} more findings are told by`);
});

test('a refusal of the API server is an error, and what stands there may be anything', async () => {
  await expect(publish(node(403).process, undefined, async () => verdict())).rejects.toThrow('status 403');
  for (const text of [undefined, '', '{', 'null', '{"node":1}']) {
    const kube = {
      get: async () => ({ metadata: { annotations: { [offlineAnnotation]: text } } }),
    } as unknown as KubeClient;
    await expect(readPublished(kube, 'edge-1')).rejects.toMatchObject({ code: 'E_EDGE_NODE' });
  }
  const empty = { get: async () => undefined } as unknown as KubeClient;
  await expect(readPublished(empty, 'edge-9')).rejects.toMatchObject({ code: 'E_KUBE_API' });
});

test('what another program wrote there does no harm to who reads it', async () => {
  const finding = { id: 'DiskFull', severity: 'error', message: 'full\u001b[2J\n', fix: 'free some' };
  const limit = { what: 'a certificate', file: '/x', at: '2027-11-23T00:00:00Z' };
  const text = JSON.stringify({
    ...verdict(),
    firstToFail: { what: 'a certificate' },
    limits: [limit, null, 'soon', { what: 'a certificate' }],
    findings: [finding, 7, { id: 'DiskFull' }, { ...finding, severity: 'dire' }],
  });
  const read = async (annotation: string) => {
    const metadata = { annotations: { [offlineAnnotation]: annotation } };
    return readPublished({ get: async () => ({ metadata }) } as unknown as KubeClient, 'edge-1');
  };
  const found = await read(text);
  expect(found.limits).toEqual([limit]);
  expect(found.firstToFail).toBeUndefined();
  expect(found.findings).toEqual([{ ...finding, message: 'full [2J ' }]);
  expect(verdictText(found, 'a note')).not.toContain('undefined');
  expect(await read(JSON.stringify({ ...verdict(), limits: 5, findings: {} }))).toMatchObject({
    limits: [],
    findings: [],
  });
});
