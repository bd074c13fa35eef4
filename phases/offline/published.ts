import { offlineAnnotation } from '../../src/edge/node/offline-verdict/annotation.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { KubeClient, KubeObject } from '../../src/kube/types.ts';
import type { OfflineFinding } from './catalogue.ts';
import type { OfflineVerdict } from './verdict.ts';

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; lastHeartbeatTime?: string }[] };
}

export interface PublishedVerdict extends OfflineVerdict {
  /** Whether the cloud hears of the node now; ISO time of the last word. */
  reachable: boolean;
  lastHeard: string;
  /** How many more findings only the node itself has: an annotation holds so much. */
  omitted: number;
}

/**
 * What an edge node's own process last published of itself, as an annotation of its Node.
 * Errors: E_KUBE_API (no such node), E_EDGE_NODE (nothing published).
 */
export async function readPublished(kube: KubeClient, name: string): Promise<PublishedVerdict> {
  const node = await kube.get<Node>({ apiVersion: 'v1', kind: 'Node', name });
  if (!node) {
    throw new EdgeadmError('E_KUBE_API', `there is no node ${name}`, {
      hint: 'See `kubectl get nodes`.',
    });
  }
  const published = parse(node.metadata.annotations?.[offlineAnnotation]);
  if (!published) {
    throw new EdgeadmError('E_EDGE_NODE', `node ${name} has published no verdict`, {
      hint: 'An edge node does so a few minutes after it joined. See it at once on the node itself: `edgeadm check offline`.',
    });
  }
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return { ...published, reachable: ready?.status === 'True', lastHeard: ready?.lastHeartbeatTime ?? '' };
}

/** Written by a node, so anything may stand there: what is no part of a verdict is left out. */
function parse(text: string | undefined): (OfflineVerdict & Pick<PublishedVerdict, 'omitted'>) | undefined {
  let value: (Partial<OfflineVerdict> & { findingsInAll?: number }) | null;
  try {
    value = JSON.parse(text ?? '', printable) as typeof value;
  } catch {
    return undefined;
  }
  const { node, checkedAt, survives, days, daysAtWorst, firstToFail, limits, findings, findingsInAll } =
    value ?? {};
  if (typeof node !== 'string' || typeof checkedAt !== 'string' || typeof survives !== 'boolean') {
    return undefined;
  }
  return {
    ...{ node, checkedAt, survives },
    omitted: Math.max(0, (Number(findingsInAll) || 0) - list(findings).length),
    ...{ days: Number(days) || 0, daysAtWorst: Number(daysAtWorst) || 0 },
    firstToFail: hasTexts(firstToFail, ['what', 'at']) ? firstToFail : undefined,
    limits: list(limits).filter((each) => hasTexts(each, ['what', 'file', 'at'])),
    findings: list(findings).filter(
      (each) =>
        hasTexts(each, ['id', 'message', 'fix']) &&
        ['error', 'warning'].includes((each as OfflineFinding).severity),
    ),
  };
}

/** It goes to a terminal. */
const printable = (_: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/\p{Cc}/gu, ' ') : value;

const list = <T>(value: readonly T[] | undefined): readonly T[] => (Array.isArray(value) ? value : []);

function hasTexts(value: unknown, fields: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    fields.every((field) => typeof (value as Record<string, unknown>)[field] === 'string')
  );
}

/** Since when it is known, for people. */
export function publishedNote({ checkedAt, reachable, lastHeard, omitted }: PublishedVerdict): string {
  const offline = reachable ? '' : `; the cloud has not heard of the node since ${lastHeard || 'it joined'}`;
  const more =
    omitted === 0 ? '' : `; ${omitted} more findings are told by \`edgeadm check offline\` on the node alone`;
  return `as the node itself found on ${checkedAt}${offline}${more}`;
}
