import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeStatus } from '../../../src/commands/node-status.ts';
import { statusText } from '../../../src/commands/status-text.ts';
import type { LiteApiserverStatus } from '../../../src/edge/lite-apiserver/status.ts';

const status: LiteApiserverStatus = {
  node: 'edge-1',
  online: false,
  since: '2026-11-22T10:00:00.000Z',
  reason: 'no answer within 2000 ms',
  server: 'https://10.0.0.10:6443',
  transitions: 1,
  cache: {
    bytes: 110_592,
    collections: 2,
    entries: 4,
    tokens: 2,
    acceptedTokens: 2,
    writtenBytes: 1,
    problem: '',
    setAside: '',
  },
  resources: [
    {
      identity: 'node:edge-1',
      resource: 'pods',
      namespace: '',
      selector: 'spec.nodeName=edge-1',
      complete: true,
      objects: 1,
      resourceVersion: '5',
      syncedAt: '2026-11-22T09:59:58.000Z',
      live: true,
    },
    {
      identity: 'user:0123456789ab:system:serviceaccount:shop:till',
      resource: 'configmaps',
      namespace: 'shop',
      selector: '',
      complete: true,
      objects: 3,
      resourceVersion: '5',
      syncedAt: '2026-11-22T09:00:00.000Z',
      live: false,
    },
  ],
  certificates: [
    { name: 'serving', notAfter: '2027-11-22T10:00:00.000Z', problem: '', expired: '' },
    {
      name: 'kubelet-client',
      notAfter: '2026-11-21T10:00:00.000Z',
      problem: '',
      expired: 'it expired: renew it',
    },
  ],
  clock: { problem: 'the clock of this node says 1970', confirmedAt: '' },
  peers: [
    { name: 'edge-2', reachable: 'yes', online: 'no' },
    { name: 'edge-3', reachable: 'no', online: 'yes' },
    { name: 'edge-4', reachable: 'unknown', online: 'unknown' },
  ],
  memory: { rssBytes: 80_000_000 },
};
const now = new Date('2026-11-22T10:03:05.000Z');

describe('the text of a status', () => {
  it('says since when and why, how fresh what is remembered is, and what expired', () => {
    expect(statusText(status, now)).toBe(
      `
edge-1: offline for 3m05s: no answer within 2000 ms
├─ API server  https://10.0.0.10:6443, 1 change since the start
├─ cache  111 kB, 2 collections, 4 single objects, 2 tokens
│  ├─ pods (spec.nodeName=edge-1)  node       1 object   synced 3m07s ago
│  └─ shop/configmaps              shop/till  3 objects  synced 1h03m ago
├─ certificates
│  ├─ serving         until 2027-11-22, 364 days left
│  ├─ kubelet-client  until 2026-11-21, EXPIRED 1 day ago
│  └─ it expired: renew it
├─ peers
│  ├─ edge-2  answers, cut off from the cloud
│  ├─ edge-3  does not answer
│  └─ edge-4  not heard of yet
├─ clock  WRONG: the clock of this node says 1970
└─ memory  80 MB`.trim(),
    );
  });

  it('tells troubles of the cache, and a certificate that is not there', () => {
    const text = statusText(
      {
        ...status,
        cache: { ...status.cache, problem: 'ENOSPC' },
        certificates: [{ name: 'serving', notAfter: '', problem: 'ENOENT', expired: '' }],
      },
      now,
    );
    expect(text).toContain('the last write failed: ENOSPC');
    expect(text).toContain('there is none: ENOENT');
  });
});

describe('asking this node', () => {
  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'status-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  };

  it('answers with what its process says', async () => {
    const socket = join(folder(), 's.sock');
    const server = createServer((_, response) => response.end(JSON.stringify(status)));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    onTestFinished(() => void server.close());
    expect(await nodeStatus({ socket })).toEqual(status);
  });

  it('says what is wrong: no edge node, or one whose process does not run', async () => {
    const path = folder();
    const places = { socket: join(path, 's.sock'), configFile: join(path, 'config.yaml') };
    await expect(nodeStatus(places)).rejects.toMatchObject({
      code: 'E_EDGE_NODE',
      message: expect.stringContaining('no edge node'),
    });
    writeFileSync(places.configFile, '');
    await expect(nodeStatus(places)).rejects.toMatchObject({
      code: 'E_EDGE_NODE',
      message: expect.stringContaining('it does not run'),
    });
  });
});
