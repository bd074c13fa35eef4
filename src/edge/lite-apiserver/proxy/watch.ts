import { collectionKey } from '../cache/collection.ts';
import type { AppliedFilters } from '../filters/chain.ts';
import type { Answer } from '../http1/client-connection.ts';
import type { Response } from '../http1/response.ts';
import type { Request } from '../http1/server-connection.ts';
import type { Classified } from '../request/classify.ts';
import { clientHeaders, headerList, upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import { compareVersions, eventLine, isVersion } from '../wire/object.ts';
import { expiredEvent } from '../wire/status.ts';
import { learnToken, type ProxyContext } from './context.ts';
import { Feed } from './feed.ts';
import { isJson } from './keep.ts';
import { listAgain } from './list-again.ts';
import { cached, cacheHeader, refuseOffline, seen } from './offline.ts';
import { pump } from './pump.ts';
import { until } from './until.ts';
import { type StreamState, streamEvents } from './watch-stream.ts';

type Watch = Classified & { type: 'watch' };

const firstBackoffMs = 1000;
const longestBackoffMs = 30_000;

/**
 * One watch of one client, over as many upstream connections as it takes. Online it is passed through; when the link
 * dies it is held open; when the link is back it goes on upstream from where the client is, on the same response, so that
 * nothing is listed again. Ends with the client's `timeoutSeconds`, with the upstream, or with a 410 that is passed on.
 */
export class WatchSession {
  private readonly context: ProxyContext;
  private readonly caller: Caller;
  private readonly request: Request;
  private readonly response: Response;
  private readonly watch: Watch;
  private readonly filters: AppliedFilters | undefined;
  private readonly state: StreamState;
  private readonly gone = new AbortController();
  private readonly deadline: number;
  private feed: Feed | undefined;

  constructor(context: ProxyContext, caller: Caller, request: Request, response: Response, watch: Watch) {
    this.context = context;
    this.caller = caller;
    this.request = request;
    this.response = response;
    this.watch = watch;
    this.filters = context.filters.forRead({ caller, path: watch.selection.path });
    const { resourceVersion, initialEvents } = watch;
    this.state = {
      version: !initialEvents && isVersion(resourceVersion) ? resourceVersion : '',
      inInitialEvents: initialEvents,
    };
    // As the API server without a wish of the client: half an hour to an hour.
    const seconds = watch.timeoutSeconds ?? 1800 * (1 + Math.random());
    this.deadline = performance.now() + seconds * 1000;
  }

  /** Runs until the response is over; resolves with how it was answered first. */
  async run(): Promise<string> {
    const { context, response, gone } = this;
    const timer = setTimeout(() => this.end(), Math.max(0, this.deadline - performance.now()) + 500);
    const onChanged = () => this.expire('what this client may see has changed');
    response.whenClosed(() => gone.abort());
    if (this.filters) context.filters.on('changed', onChanged);
    try {
      return await this.answer();
    } finally {
      clearTimeout(timer);
      context.filters.off('changed', onChanged);
      this.feed?.detach();
    }
  }

  private async answer(): Promise<string> {
    let how = 'upstream';
    if (this.context.link.online && (await this.mustListAgain())) {
      this.response.writeHead(200, ['content-type', 'application/json']);
      this.expire('this node went on by itself while it was offline');
      return how;
    }
    const first = this.context.link.online ? await this.open(this.request.url) : 'unreachable';
    if (first === 'over') return how;
    if (first === 'unreachable') {
      how = 'cache';
      if (!(await this.beginFromCache())) return 'refused';
    }
    for (let backoff = firstBackoffMs; !this.over; backoff = Math.min(backoff * 2, longestBackoffMs)) {
      this.feed?.detach();
      if (!isVersion(this.state.version) || this.state.inInitialEvents) {
        // The client has half of a state: only a new request helps it.
        this.response.destroy();
        break;
      }
      if (!(await this.untilResumable(backoff))) break;
      const outcome = await this.resume();
      if (outcome === 'over') break;
      if (outcome === 'broken') backoff = firstBackoffMs / 2;
    }
    return how;
  }

  /** First request, or a later one on an answer that has begun. */
  private async open(target: string): Promise<'over' | 'broken' | 'unreachable'> {
    const { context, caller, request, response, state } = this;
    let answer: Answer;
    try {
      answer = await context.transport.send({
        method: 'GET',
        path: target,
        headers: upstreamHeaders(request.headers, caller.type === 'node', {
          accept: this.watch.accept,
          'accept-encoding': 'identity',
        }),
        asNode: caller.type === 'node',
        signal: this.gone.signal,
      });
    } catch {
      return this.over ? 'over' : 'unreachable';
    }
    const { status } = answer;
    learnToken(context, caller, request.header('authorization'), status);
    if (status !== 200) return response.headersSent ? this.refusedAgain(answer) : this.passAnswer(answer);
    const resumed = response.headersSent;
    if (!resumed) {
      response.writeHead(200, clientHeaders(answer.headers));
      response.flushHeaders();
    }
    if (!isJson(answer)) return this.passAnswer(answer);
    this.attach();
    if (resumed) context.metrics.count('watch_resumes_total', { outcome: 'ok' });
    const onEvent = (event: Parameters<Feed['event']>[0]) => {
      context.metrics.count('watch_events_total');
      this.feed?.event(event);
    };
    const outcome = await streamEvents({ answer, response, state, filters: this.filters, onEvent });
    if (this.over) return 'over';
    if (outcome === 'broken') return 'broken';
    this.end();
    return 'over';
  }

  /** Goes on upstream from where the client is. */
  private async resume(): Promise<'over' | 'broken' | 'unreachable'> {
    const { context, watch, state } = this;
    if (await this.mustListAgain()) {
      this.expire('this node went on by itself while it was offline');
      return 'over';
    }
    const query = new URLSearchParams(watch.query);
    for (const name of ['sendInitialEvents', 'resourceVersionMatch', 'limit']) query.delete(name);
    query.set('resourceVersion', state.version);
    query.set('timeoutSeconds', String(Math.max(1, Math.ceil((this.deadline - performance.now()) / 1000))));
    const target = this.request.url;
    const outcome = await this.open(`${target.slice(0, target.indexOf('?'))}?${query}`);
    if (outcome === 'unreachable') context.metrics.count('watch_resumes_total', { outcome: 'failed' });
    return outcome;
  }

  /** The client is at a state that the cluster never had. */
  private async mustListAgain(): Promise<boolean> {
    const { version } = this.state;
    if (version === '') return false;
    await this.context.history.checked;
    const collection = this.collection(false);
    return collection?.overlaid === true || this.context.history.isLost(version, collection?.filled);
  }

  /** The resumed watch was refused: 410 is the client's to know, a busy server is tried again, the rest ends the stream. */
  private refusedAgain(answer: Answer): 'over' | 'unreachable' {
    const { status } = answer;
    answer.discard();
    if (status === 429 || status >= 500) return 'unreachable';
    this.context.metrics.count('watch_resumes_total', { outcome: status === 410 ? 'expired' : 'refused' });
    if (status === 410) this.expire('the API server does not have this version any more');
    else this.end();
    return 'over';
  }

  private async passAnswer(answer: Answer): Promise<'over'> {
    const { response, gone } = this;
    if (!response.headersSent)
      response.writeHead(answer.status, clientHeaders(answer.headers), answer.message);
    pump(answer, response);
    await until(gone.signal, (go) => response.whenClosed(go));
    return 'over';
  }

  /** Answers as the API server would, from the state that is in the cache. False when there is none. */
  private async beginFromCache(): Promise<boolean> {
    const { context, caller, watch, response, state } = this;
    const found = cached(context, caller, watch.selection);
    if (!found) {
      refuseOffline(context, response, 'this was not watched before', false);
      return false;
    }
    const { collection, rows } = found;
    const cacheControl = { 'cache-control': 'no-cache, private', [cacheHeader]: 'offline' };
    response.writeHead(200, headerList({ 'content-type': 'application/json', ...cacheControl }));
    response.flushHeaders();
    if (state.version !== '') {
      if (compareVersions(state.version, collection.version) < 0)
        this.expire('the cache is newer than this version');
      return true;
    }
    for (const body of seen(rows, this.filters)) {
      if (this.over) return true;
      if (!response.write(`{"type":"ADDED","object":${body}}\n`)) await response.drained();
    }
    const { apiVersion, kind, version } = collection;
    if (watch.initialEvents) {
      const metadata = { resourceVersion: version, annotations: { 'k8s.io/initial-events-end': 'true' } };
      response.write(eventLine({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } }));
    }
    Object.assign(state, { version, inInitialEvents: false });
    return true;
  }

  private collection(create: boolean) {
    const { store } = this.context;
    const key = collectionKey(this.caller.identity, this.watch.selection);
    const known = store.collections.find(key);
    if (known || !create || (this.caller.type !== 'node' && !store.hasRoom)) return known;
    return store.guard(() => store.collections.ensure(key));
  }

  private attach(): void {
    const { context, watch, state } = this;
    if (state.version === '' && !state.inInitialEvents) return;
    const collection = this.collection(true);
    if (!collection) return;
    this.feed = new Feed({
      store: context.store,
      collection,
      maxListBytes: context.config.cache.maxListBytes,
      listAgain: (signal) => listAgain(context, this.caller, this.request, watch, signal),
      count: (outcome) => context.metrics.count('cache_fills_total', { outcome }),
    });
    this.feed.attach(state.inInitialEvents ? undefined : state.version);
  }

  /** Waits for the link, then a random part of the jitter, so that the nodes of a fleet do not come all at once. */
  private async untilResumable(backoffMs: number): Promise<boolean> {
    const { link, config, history } = this.context;
    const { signal } = this.gone;
    const pause = (upToMs: number) => until(signal, (go) => setTimeout(go, Math.random() * upToMs));
    if (link.online) {
      await pause(backoffMs);
      // The API server may have been replaced so quickly that no probe noticed.
      await history.recheck();
    }
    while (!link.online && !this.over) {
      await until(
        signal,
        (go) => link.once('online', go),
        (go) => link.off('online', go),
      );
      await pause(config.link.resumeJitterMs);
    }
    return !this.over;
  }

  private expire(message: string): void {
    if (!this.over) this.response.write(eventLine(expiredEvent(message)));
    this.end();
  }

  private get over(): boolean {
    return this.gone.signal.aborted || this.response.ended;
  }

  private end(): void {
    if (!this.response.headersSent) return;
    this.response.end();
    this.gone.abort();
  }
}
