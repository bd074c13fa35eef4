import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EdgeadmError } from '../../../../src/errors.ts';
import { readKubeconfig } from '../../../../src/kube/kubeconfig.ts';
import { type ListWatchOptions, listWatch } from '../../../../src/kube/list-watch.ts';
import { createTransport } from '../../../../src/kube/transport.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { openWatch, parseLines, type WatchEvent } from '../../../../src/kube/watch.ts';
import { startWatchApi, type WatchApi } from '../../../fakes/watch-api.ts';
import { eventually } from './eventually.ts';

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const object = (name: string, value = 0) => ({ metadata: { name }, spec: { signerName: 's', value } });

let api: WatchApi;
let stop: AbortController;

beforeEach(async () => {
  api = await startWatchApi();
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await api.close();
});

async function connection() {
  return readKubeconfig({ kubeconfig: api.kubeconfig });
}

async function collect(events: AsyncIterable<WatchEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const {
    type,
    object: { metadata },
  } of events)
    seen.push(`${type} ${metadata.name}`);
  return seen;
}

describe('openWatch', () => {
  const options = () => ({ signal: stop.signal, idleTimeoutMs: 5000 });
  const path = `${csrs}?watch=true&resourceVersion=0`;

  it('yields changes until the server ends it', async () => {
    api.put(`${csrs}/a`, object('a'));
    const seen = collect(openWatch(await connection(), path, options()));
    await eventually(() => expect(api.watches).toBe(1));
    api.put(`${csrs}/a`, object('a', 1));
    api.remove(`${csrs}/a`);
    api.endWatches();
    expect(await seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(api.requests[0]?.authorization).toBe('Bearer secret');
  });

  it('fails with the status of the answer', async () => {
    api.fault = () => 403;
    await expect(collect(openWatch(await connection(), path, options()))).rejects.toMatchObject({
      code: 'E_KUBE_API',
      status: 403,
    });
  });

  it('fails when the connection is cut', async () => {
    const seen = collect(openWatch(await connection(), path, options()));
    seen.catch(() => {});
    await eventually(() => expect(api.watches).toBe(1));
    api.cutWatches();
    await expect(seen).rejects.toMatchObject({
      code: 'E_KUBE_API',
      message: expect.stringContaining('connection closed'),
    });
  });

  it('fails when there is no server', async () => {
    const gone = await connection();
    await api.close();
    await expect(collect(openWatch(gone, path, options()))).rejects.toMatchObject({
      message: expect.stringContaining('connection refused'),
    });
    api = await startWatchApi();
  });

  it('fails when nothing comes for too long', async () => {
    await expect(
      collect(openWatch(await connection(), path, { ...options(), idleTimeoutMs: 50 })),
    ).rejects.toMatchObject({ code: 'E_TIMEOUT' });
    await eventually(() => expect(api.watches).toBe(0));
  });

  it('ends with the reason of the signal', async () => {
    const seen = collect(openWatch(await connection(), path, options()));
    seen.catch(() => {});
    await eventually(() => expect(api.watches).toBe(1));
    stop.abort(new Error('enough'));
    await expect(seen).rejects.toThrow('enough');
    await eventually(() => expect(api.watches).toBe(0));
  });

  it('closes the connection when nobody reads on', async () => {
    api.put(`${csrs}/a`, object('a'));
    for await (const _ of openWatch(await connection(), path, options())) break;
    await eventually(() => expect(api.watches).toBe(0));
  });
});

describe('lines', () => {
  async function* chunks(...texts: string[]) {
    yield* texts;
  }
  const line = (name: string) => JSON.stringify({ type: 'ADDED', object: { metadata: { name } } });

  it('may come in pieces and several at once', async () => {
    const text = `${line('a')}\n${line('b')}\n\n${line('c')}\n`;
    for (let size = 1; size < text.length; size += 7) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(await collect(parseLines(chunks(...pieces)))).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
    }
  });

  it('that are no JSON, cut or endless are errors', async () => {
    for (const text of ['no json\n', line('a').slice(0, -1), 'x'.repeat(9 << 20)]) {
      await expect(collect(parseLines(chunks(text)))).rejects.toMatchObject({ code: 'E_KUBE_API' });
    }
  });

  it('that tell an error are one', async () => {
    const error = JSON.stringify({
      type: 'ERROR',
      object: { code: 410, reason: 'Expired', message: 'too old' },
    });
    await expect(collect(parseLines(chunks(`${error}\n`)))).rejects.toMatchObject({
      status: 410,
      reason: 'Expired',
    });
  });
});

describe('listWatch', () => {
  const seen: string[] = [];
  const errors: string[] = [];
  let syncs = 0;

  async function start(more: Partial<ListWatchOptions<KubeObject>> = {}): Promise<Promise<void>> {
    seen.length = 0;
    errors.length = 0;
    syncs = 0;
    const to = await connection();
    const running = listWatch({
      transport: createTransport(to, { timeoutMs: 1000 }),
      openWatch: (path, options) => openWatch(to, path, options),
      path: csrs,
      fieldSelector: 'spec.signerName=s',
      signal: stop.signal,
      onObject: ({ metadata: { name }, spec }) => seen.push(`${name}=${(spec as { value: number }).value}`),
      onDelete: ({ metadata: { name } }) => seen.push(`-${name}`),
      onSync: () => syncs++,
      onRetry: (error) => errors.push((error as EdgeadmError).message),
      ...more,
    });
    // In a list, so that awaiting start() does not await the watch.
    return [running] as unknown as Promise<Promise<void>>;
  }

  it('lists all pages, then follows', async () => {
    for (let index = 0; index < 1203; index++) api.put(`${csrs}/c${index}`, object(`c${index}`));
    api.put(`${csrs}/other`, { metadata: { name: 'other' }, spec: { signerName: 'x' } });
    await start();
    await eventually(() => expect(api.watches).toBe(1));
    expect(seen).toHaveLength(1203);
    expect(api.requests.filter(({ query }) => query.has('limit'))).toHaveLength(3);
    api.put(`${csrs}/c0`, object('c0', 1));
    api.remove(`${csrs}/c1`);
    await eventually(() => expect(seen.slice(1203)).toEqual(['c0=1', '-c1']));
    expect(syncs).toBe(1);
  });

  it('goes on from a bookmark when the watch ends', async () => {
    await start();
    await eventually(() => expect(api.watches).toBe(1));
    api.put('/api/v1/nodes/n1', { metadata: { name: 'n1' } });
    api.bookmark();
    api.endWatches();
    await eventually(() => expect(api.requests.filter(({ query }) => query.has('watch'))).toHaveLength(2));
    const versions = api.requests
      .filter(({ query }) => query.has('watch'))
      .map(({ query }) => query.get('resourceVersion'));
    expect(versions).toEqual(['1', '2']);
    expect(syncs).toBe(1);
    expect(errors).toEqual([]);
  });

  it('goes on without a list when the watch is cut, and misses nothing', async () => {
    await start();
    await eventually(() => expect(api.watches).toBe(1));
    api.cutWatches();
    await eventually(() => expect(errors).toHaveLength(1));
    api.put(`${csrs}/a`, object('a'));
    await eventually(() => expect(seen).toEqual(['a=0']));
    expect(syncs).toBe(1);
  });

  it('lists again when its version is gone', async () => {
    await start();
    await eventually(() => expect(api.watches).toBe(1));
    api.oldest = 2;
    api.put(`${csrs}/a`, object('a'));
    await eventually(() => expect(seen).toEqual(['a=0']));
    api.oldest = 10;
    for (let index = 0; index < 10; index++) api.put('/api/v1/nodes/n1', { metadata: { name: 'n1' } });
    api.endWatches();
    await eventually(() => expect(syncs).toBe(2));
    expect(seen).toEqual(['a=0', 'a=0']);
  });

  it('tries a refused list again', async () => {
    let refusals = 1;
    api.fault = () => (refusals-- > 0 ? 403 : undefined);
    await start();
    await eventually(() => expect(syncs).toBe(1));
    expect(errors).toEqual([expect.stringContaining('Fault')]);
  });

  it('does not ask in a loop when watches end at once', async () => {
    await start();
    await eventually(() => expect(api.watches).toBe(1));
    for (let index = 0; index < 20; index++) {
      api.endWatches();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(api.requests.filter(({ query }) => query.has('watch')).length).toBeLessThan(5);
  });

  it('resolves when the signal aborts', async () => {
    const [running] = (await start()) as unknown as [Promise<void>];
    await eventually(() => expect(api.watches).toBe(1));
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });
});
