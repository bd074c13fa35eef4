/** What an API path names. `group` is empty for the core group, `namespace` for cluster-scoped and all namespaces. */
export interface ApiPath {
  group: string;
  version: string;
  resource: string;
  namespace: string;
  /** Empty for a collection. */
  name: string;
  /** Empty for the object itself. */
  subresource: string;
}

/**
 * A path segment as API servers take it without escapes. Anything else (`%2f`, `..`, `//`, `;`) makes a path that is
 * forwarded as it is and never meets the cache.
 */
const segment = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/;

/**
 * Reads a path as k8s.io/apiserver/pkg/endpoints/request/requestinfo.go does. Undefined for what is no resource path or
 * is written in any unusual way; the old `watch/` and `proxy/` prefixes count as such.
 */
export function parsePath(path: string): ApiPath | undefined {
  if (!path.startsWith('/')) return undefined;
  const parts = path.slice(1).split('/');
  if (!parts.every((part) => segment.test(part) && !part.includes('..'))) return undefined;
  let rest: string[];
  let group = '';
  if (parts[0] === 'api') rest = parts.slice(1);
  else if (parts[0] === 'apis' && parts.length >= 3) {
    group = parts[1] as string;
    rest = parts.slice(2);
  } else return undefined;
  const [version, first, second, third, ...below] = rest;
  if (!version || !first || first === 'watch' || first === 'proxy') return undefined;
  if (
    first === 'namespaces' &&
    second !== undefined &&
    third !== undefined &&
    !isNamespaceSubresource(third)
  ) {
    const [name = '', ...sub] = below;
    return { group, version, resource: third, namespace: second, name, subresource: sub.join('/') };
  }
  const sub = third === undefined ? '' : [third, ...below].join('/');
  return { group, version, resource: first, namespace: '', name: second ?? '', subresource: sub };
}

function isNamespaceSubresource(part: string): boolean {
  return part === 'status' || part === 'finalize';
}

/** `pods`, `endpointslices.discovery.k8s.io`: the way kubectl names resources. */
export function resourceName({ group, resource }: Pick<ApiPath, 'group' | 'resource'>): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** The path of an object, the same for every spelling of its request. */
export function objectPath(path: Omit<ApiPath, 'subresource'>): string {
  const root = path.group === '' ? `/api/${path.version}` : `/apis/${path.group}/${path.version}`;
  const scope = path.namespace === '' ? '' : `/namespaces/${path.namespace}`;
  return `${root}${scope}/${path.resource}/${path.name}`;
}

/** Discovery documents: cached like objects, by path and the exact form asked for. */
export function isDiscoveryPath(path: string): boolean {
  return /^\/(version|api|apis|api\/v1|apis\/[a-z0-9.-]+(\/v[a-z0-9]+)?)$/.test(path);
}

/**
 * True for a request target that may be looked at at all: origin form, printable ASCII, no absolute URL.
 * Source: RFC 9112 section 3.2.1.
 */
export function isOriginForm(target: string | undefined): target is string {
  return target !== undefined && /^\/[\x21-\x7e]*$/.test(target) && !target.includes('#');
}
