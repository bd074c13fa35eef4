import type { ApiPath } from '../request/path.ts';
import type { ApiObject } from '../wire/object.ts';
import type { ResponseFilter } from './chain.ts';

/** What is known of the nodes of this site; see src/edge/health/site.ts. */
export interface SiteView {
  knows(nodeName: string): boolean;
  /** It lives and the cloud does not hear of it. */
  isCutOff(nodeName: string): boolean;
  /** It is dead, and the cloud cannot tell this node. */
  isGone(nodeName: string): boolean;
  /** It lives and the cloud has it from itself whether its pods are ready. */
  isReporting(nodeName: string): boolean;
}

/** discovery.k8s.io/v1 Endpoint, as far as it is read. */
interface Endpoint {
  addresses?: string[];
  nodeName?: string | null;
  targetRef?: { uid?: string };
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
}

type Standing = 'cut off' | 'gone' | 'as the cloud says';

const maxRemembered = 10_000;

/**
 * Keeps endpoints of nodes of this site ready that the cloud took for not ready only because it does not hear of the node
 * (kube-controller-manager marks all pods of a silent node so). What was not ready while its node still reported stays
 * not ready; what the cloud deletes goes. While this node is offline itself, endpoints of a node of the site that died are not
 * ready, as nobody else would say so.
 */
export class SiteEndpoints implements ResponseFilter {
  readonly name = 'site-endpoints';
  private readonly site: SiteView;
  /** Endpoints that their own node reported as not ready. */
  private readonly notReady = new Set<string>();
  /** Nodes some of whose endpoints were shown ready or not ready against the cloud's word, or as it has them. */
  private readonly shown = {
    kept: new Set<string>(),
    dropped: new Set<string>(),
    ready: new Set<string>(),
    notReady: new Set<string>(),
  };
  private standings = new Map<string, Standing>();

  constructor(site: SiteView) {
    this.site = site;
  }

  applies({ path }: { path: ApiPath }): boolean {
    return path.group === 'discovery.k8s.io' && path.resource === 'endpointslices';
  }

  filter(object: ApiObject): ApiObject {
    if (!Array.isArray(object.endpoints)) return object;
    const endpoints = object.endpoints as Endpoint[];
    const { namespace, name } = object.metadata;
    const seen = endpoints.map((endpoint) => this.see(endpoint, `${namespace}/${name}`));
    return seen.some((endpoint, at) => endpoint !== endpoints[at]) ? { ...object, endpoints: seen } : object;
  }

  /** To be called when the site may have changed, with its names. True when an answer given before would be another one now. */
  update(names: readonly string[]): boolean {
    const { kept, dropped, ready, notReady } = this.shown;
    const now = new Map(names.map((name) => [name, this.standing(name)]));
    let changed = false;
    for (const name of new Set([...this.standings.keys(), ...names])) {
      const before = this.standings.get(name) ?? 'as the cloud says';
      const after = now.get(name) ?? 'as the cloud says';
      if (before === after) continue;
      const other =
        (before === 'cut off' && kept.delete(name)) ||
        (before === 'gone' && dropped.delete(name)) ||
        (after === 'cut off' && notReady.delete(name)) ||
        (after === 'gone' && ready.delete(name));
      changed ||= other;
    }
    this.standings = now;
    return changed;
  }

  private standing(name: string): Standing {
    if (this.site.isCutOff(name)) return 'cut off';
    return this.site.isGone(name) ? 'gone' : 'as the cloud says';
  }

  private see(endpoint: Endpoint, slice: string): Endpoint {
    const { nodeName, conditions = {}, targetRef, addresses } = endpoint;
    if (!nodeName || !this.site.knows(nodeName)) return endpoint;
    const key = `${slice}/${targetRef?.uid ?? addresses?.[0]}`;
    if (conditions.ready !== false) {
      this.notReady.delete(key);
      if (!this.site.isGone(nodeName)) {
        this.shown.ready.add(nodeName);
        return endpoint;
      }
      this.shown.dropped.add(nodeName);
      return { ...endpoint, conditions: { ...conditions, ready: false, serving: false } };
    }
    if (conditions.terminating) return endpoint;
    if (this.site.isCutOff(nodeName) && !this.notReady.has(key)) {
      this.shown.kept.add(nodeName);
      return { ...endpoint, conditions: { ...conditions, ready: true, serving: true } };
    }
    this.shown.notReady.add(nodeName);
    if (this.site.isReporting(nodeName)) {
      if (this.notReady.size >= maxRemembered) this.notReady.clear();
      this.notReady.add(key);
    }
    return endpoint;
  }
}
