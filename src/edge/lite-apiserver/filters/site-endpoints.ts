import type { ApiPath } from '../request/path.ts';
import type { ApiObject } from '../wire/object.ts';
import type { ResponseFilter } from './chain.ts';

/** What is known of the nodes of this site; see src/edge/health/site.ts. */
export interface SiteView {
  knows(nodeName: string): boolean;
  /** It lives and the cloud does not hear of it. */
  isCutOff(nodeName: string): boolean;
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

const maxRemembered = 10_000;

/**
 * Keeps endpoints of nodes of this site ready that the cloud took for not ready only because it does not hear of the node
 * (kube-controller-manager marks all pods of a silent node so). What was not ready while its node still reported stays
 * not ready; what the cloud deletes goes.
 */
export class SiteEndpoints implements ResponseFilter {
  readonly name = 'site-endpoints';
  private readonly site: SiteView;
  /** Endpoints that their own node reported as not ready. */
  private readonly notReady = new Set<string>();
  /** Nodes whose endpoints were shown otherwise than the cloud has them, and nodes with some that were shown not ready. */
  private readonly kept = new Set<string>();
  private readonly passed = new Set<string>();
  private cutOff = new Set<string>();

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
    const cutOff = new Set(names.filter((name) => this.site.isCutOff(name)));
    const ended = [...this.cutOff].filter((name) => !cutOff.has(name) && this.kept.delete(name));
    const begun = [...cutOff].filter((name) => !this.cutOff.has(name) && this.passed.delete(name));
    this.cutOff = cutOff;
    return ended.length + begun.length > 0;
  }

  private see(endpoint: Endpoint, slice: string): Endpoint {
    const { nodeName, conditions = {}, targetRef, addresses } = endpoint;
    if (!nodeName || !this.site.knows(nodeName)) return endpoint;
    const key = `${slice}/${targetRef?.uid ?? addresses?.[0]}`;
    if (conditions.ready !== false) {
      this.notReady.delete(key);
      return endpoint;
    }
    if (conditions.terminating) return endpoint;
    if (this.site.isCutOff(nodeName) && !this.notReady.has(key)) {
      this.kept.add(nodeName);
      return { ...endpoint, conditions: { ...conditions, ready: true, serving: true } };
    }
    this.passed.add(nodeName);
    if (this.site.isReporting(nodeName)) {
      if (this.notReady.size >= maxRemembered) this.notReady.clear();
      this.notReady.add(key);
    }
    return endpoint;
  }
}
