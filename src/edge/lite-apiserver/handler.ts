import type { Duplex } from 'node:stream';
import type { Response } from './http1/response.ts';
import type { Request, ServerHandler } from './http1/server-connection.ts';
import type { ProxyContext } from './proxy/context.ts';
import { forward } from './proxy/forward.ts';
import { handleRead } from './proxy/read.ts';
import { handleToken } from './proxy/token.ts';
import { forwardUpgrade, refuseUpgrade } from './proxy/upgrade.ts';
import { WatchSession } from './proxy/watch.ts';
import { type Classified, classify } from './request/classify.ts';
import { isOriginForm } from './request/path.ts';
import { type Caller, identify, type NodeCredential, type Refusal } from './serve/identity.ts';
import { report } from './status.ts';
import { sendStatus } from './wire/status.ts';

/** Paths of the proxy itself; no API server has this prefix. */
const ownPrefix = '/edge/';

/** Decides who asks and what for, and hands the request on. The same for all listeners. */
export class Handler implements ServerHandler {
  private readonly context: ProxyContext;
  private readonly node: NodeCredential;
  private readonly uncached: ReadonlySet<string>;
  watches = 0;

  constructor(context: ProxyContext, node: NodeCredential) {
    this.context = context;
    this.node = node;
    this.uncached = new Set(context.config.cache.uncached);
  }

  /** Answers a request; never throws. */
  async request(request: Request, response: Response): Promise<void> {
    const { metrics, later, log } = this.context;
    const started = performance.now();
    later.run();
    try {
      if (!this.context.link.settled) await this.context.link.ready;
      if (!isOriginForm(request.url)) {
        sendStatus(response, 400, 'the request target is not a plain path', { close: true });
        return;
      }
      const caller = this.admit(request);
      if (caller.type === 'refused') {
        metrics.count('refused_total');
        sendStatus(response, 401, caller.message, { close: true });
        return;
      }
      if (request.url.startsWith(ownPrefix)) {
        this.own(caller, request, response);
        return;
      }
      const what = classify(request.method, request.url, request.headers, this.uncached);
      if (what.type !== 'watch') {
        response.whenClosed(() => {
          const seconds = (performance.now() - started) / 1000;
          later.add(() => metrics.observe('request_seconds', seconds));
        });
      }
      const by = await this.dispatch(what, caller, request, response);
      later.add(() =>
        metrics.count('requests_total', { type: what.type, by, code: String(response.statusCode) }),
      );
    } catch (error) {
      if (response.destroyed) return;
      log(1, `a request failed within the proxy: ${(error as Error).stack ?? error}`);
      sendStatus(response, 500, 'internal error of the node-local proxy');
    }
  }

  async upgrade(request: Request, socket: Duplex, head: Buffer): Promise<void> {
    await this.context.link.ready;
    const caller = isOriginForm(request.url) ? this.admit(request) : undefined;
    if (caller === undefined) refuseUpgrade(socket, 400, 'the request target is not a plain path');
    else if (caller.type === 'refused') {
      this.context.metrics.count('refused_total');
      refuseUpgrade(socket, 401, caller.message);
    } else forwardUpgrade(this.context, caller, request, socket, head);
  }

  /** Offline a bearer counts only when the API server has accepted the very same before. */
  private admit(request: Request): Caller | Refusal {
    const { link, store } = this.context;
    const caller = identify(request, this.node, link.online);
    if (caller.type !== 'bearer' || link.online) return caller;
    if (store.tokens.isAccepted(caller.tokenHash, caller.identity)) return caller;
    return { type: 'refused', message: 'offline only tokens that the API server accepted before are served' };
  }

  private dispatch(what: Classified, caller: Caller, request: Request, response: Response): Promise<string> {
    switch (what.type) {
      case 'list':
      case 'get':
        return handleRead(this.context, caller, request, response, what);
      case 'watch':
        this.watches++;
        return new WatchSession(this.context, caller, request, response, what).run().finally(() => {
          this.watches--;
        });
      case 'token':
        return handleToken(this.context, caller, request, response, what.path);
      default:
        return forward(this.context, caller, request, response, what.path);
    }
  }

  /** Status and metrics tell names of what pods read, so over the network they are for the node only. */
  private own(caller: Caller, request: Request, response: Response): void {
    if (caller.type !== 'node') sendStatus(response, 403, 'status and metrics are for the node itself');
    else report(this.context, request, response);
  }
}
