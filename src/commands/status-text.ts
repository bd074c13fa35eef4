import type { LiteApiserverStatus } from '../edge/lite-apiserver/status.ts';
import { table, tree } from '../ui/branches.ts';
import { bytes, duration } from '../ui/units.ts';

const soonMs = 30 * 86_400_000;

/** What people read of a status, at most 110 columns of it. */
export function statusText(status: LiteApiserverStatus, now: Date): string {
  const ago = (iso: string) => duration(Math.max(0, (now.getTime() - Date.parse(iso)) / 1000));
  const {
    node,
    online,
    since,
    reason,
    server,
    transitions,
    cache,
    resources,
    certificates,
    clock,
    peers,
    memory,
  } = status;
  const changes = `${transitions} change${transitions === 1 ? '' : 's'} since the start`;
  const rows = resources.map(
    ({ identity, resource, namespace, selector, objects, complete, live, syncedAt }) => [
      [namespace, resource].filter(Boolean).join('/') + (selector ? ` (${selector})` : ''),
      shortIdentity(identity),
      complete ? `${objects} object${objects === 1 ? '' : 's'}` : 'incomplete',
      live && online ? 'live' : syncedAt ? `synced ${ago(syncedAt)} ago` : 'never synced',
    ],
  );
  const troubles = [
    cache.problem && `the last write failed: ${cache.problem}`,
    cache.setAside && `a broken cache was set aside at the start: ${cache.setAside}`,
  ].filter(Boolean);
  return tree(`${node}: ${online ? 'online' : 'offline'} for ${ago(since)}${reason ? `: ${reason}` : ''}`, [
    { text: `API server  ${server}, ${changes}` },
    {
      text: `cache  ${bytes(cache.bytes)}, ${cache.collections} collections, ${cache.entries} single objects, ${cache.tokens} tokens`,
      children: [
        ...troubles.map((text) => ({ text: String(text) })),
        ...table(rows).map((text) => ({ text })),
      ],
    },
    {
      text: 'certificates',
      children: [
        ...table(certificates.map((one) => [one.name, certificateText(one, now)])),
        ...certificates.flatMap(({ expired }) => (expired === '' ? [] : [expired])),
      ].map((text) => ({ text })),
    },
    ...(peers.length === 0
      ? []
      : [
          {
            text: 'peers',
            children: table(peers.map((peer) => [peer.name, peerText(peer)])).map((text) => ({ text })),
          },
        ]),
    ...(clock.problem === '' ? [] : [{ text: `clock  WRONG: ${clock.problem}` }]),
    { text: `memory  ${bytes(memory.rssBytes)}` },
  ]);
}

function certificateText({ notAfter, problem }: { notAfter: string; problem: string }, now: Date): string {
  if (notAfter === '') return `there is none: ${problem}`;
  const leftMs = Date.parse(notAfter) - now.getTime();
  const count = Math.floor(Math.abs(leftMs) / 86_400_000);
  const days = `${count} day${count === 1 ? '' : 's'}`;
  const when = leftMs < 0 ? `EXPIRED ${days} ago` : `${days} left`;
  const trouble = problem ? `, the newest one cannot be used: ${problem}` : '';
  return `until ${notAfter.slice(0, 10)}, ${when}${leftMs >= 0 && leftMs < soonMs ? ', soon' : ''}${trouble}`;
}

function peerText({ reachable, online }: LiteApiserverStatus['peers'][number]): string {
  if (reachable === 'unknown') return 'not heard of yet';
  if (reachable === 'no') return 'does not answer';
  return online === 'no' ? 'answers, cut off from the cloud' : 'answers';
}

/** `node:edge-1` is the node itself; a ServiceAccount is told as kubectl writes it. */
function shortIdentity(identity: string): string {
  if (identity.startsWith('node:')) return 'node';
  const account = /system:serviceaccount:([^:]+):([^:]+)$/.exec(identity);
  return account ? `${account[1]}/${account[2]}` : identity.replace(/^token:(.{8}).*$/, 'token $1…');
}
