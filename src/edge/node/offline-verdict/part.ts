import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { NodePart, NodeProcess } from '../part.ts';
import { sender } from '../request.ts';
import { offlineAnnotation } from './annotation.ts';

/** Of `edgeadm check offline -o json`; only what is compared here. */
export type Verdict = Record<string, unknown> & { checkedAt: string };

/** A node that just came up or back reads for a while. */
const firstMs = 60_000;
const pauseMs = 30 * 60_000;
/** A verdict that did not change is sent again after this, so that its age says that the node still looks. */
const repeatMs = 12 * 3_600_000;
const checkTimeoutMs = 60_000;
const maxBytes = 32 << 10;

/**
 * Publishes the node's verdict on itself as an annotation of its Node, for `edgeadm check offline NODE` elsewhere. It is
 * found by a short-lived process of its own: what that loads would stay in this one's memory for good.
 */
export const offlineVerdictPart: NodePart = {
  name: 'offline verdict',
  async run(node) {
    let sent: { text: string; at: number } | undefined;
    await setTimeout(firstMs, undefined, { signal: node.signal }).catch(() => {});
    while (!node.signal.aborted) {
      if (node.proxy.context.link.online) sent = await publish(node, sent, runCheck);
      await setTimeout(pauseMs, undefined, { signal: node.signal }).catch(() => {});
    }
  },
};

/** Looks, and sends what changed. Returns what the API server has now. Rejects when it cannot be looked or sent. */
export async function publish(
  node: Pick<NodeProcess, 'config' | 'proxy' | 'signal'>,
  sent: { text: string; at: number } | undefined,
  look: (signal: AbortSignal) => Promise<Verdict>,
): Promise<{ text: string; at: number }> {
  const verdict = await look(node.signal);
  const { checkedAt: _, ...lasting } = verdict;
  const text = JSON.stringify(lasting);
  if (sent?.text === text && Date.now() - sent.at < repeatMs) return sent;
  const patch = { metadata: { annotations: { [offlineAnnotation]: fitting(verdict) } } };
  await sender(node, 'application/merge-patch+json')(
    'PATCH',
    `/api/v1/nodes/${node.config.nodeName}`,
    patch,
    node.signal,
  );
  return { text, at: Date.now() };
}

/** Annotations of an object share 256 KiB; what is cut off is said by a count. */
function fitting(verdict: Verdict): string {
  const findings = Array.isArray(verdict.findings) ? verdict.findings : [];
  let text = JSON.stringify(verdict);
  for (let kept = findings.length >> 1; Buffer.byteLength(text) > maxBytes && kept > 0; kept >>= 1) {
    text = JSON.stringify({ ...verdict, findings: findings.slice(0, kept), findingsInAll: findings.length });
  }
  return text;
}

/** Exit code 2 is a verdict too: the node would not survive. */
async function runCheck(signal: AbortSignal): Promise<Verdict> {
  const program = process.argv[1] ?? '';
  const args = [...process.execArgv, program, 'check', 'offline', '--output', 'json'];
  const limits = { signal, timeout: checkTimeoutMs, maxBuffer: 16 << 20 };
  const stdout = await promisify(execFile)(process.execPath, args, limits).then(
    (done) => done.stdout,
    (error: { code?: unknown; stdout?: string; message: string }) => {
      if (error.code === 2 && error.stdout) return error.stdout;
      throw new Error(`the check failed: ${error.message.split('\n')[0]}`);
    },
  );
  const result = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type?: string; data?: Verdict })
    .findLast(({ type }) => type === 'result');
  if (!result?.data?.checkedAt) throw new Error('the check gave no verdict');
  return result.data;
}
