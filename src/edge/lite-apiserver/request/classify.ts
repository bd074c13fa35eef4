import { fieldOf, type HeaderList } from '../http1/head.ts';
import { negotiate } from './accept.ts';
import { type ApiPath, isDiscoveryPath, parsePath, resourceName } from './path.ts';
import { canonicalFieldSelector, canonicalLabelSelector } from './selectors.ts';

/** A selection of objects of one resource, in canonical form. */
export interface Selection {
  path: ApiPath;
  fields: string;
  labels: string;
}

export type Classified =
  | { type: 'list'; selection: Selection; query: URLSearchParams; accept: string }
  | {
      type: 'watch';
      selection: Selection;
      query: URLSearchParams;
      accept: string;
      /** Empty: from the most recent state. */
      resourceVersion: string;
      initialEvents: boolean;
      bookmarks: boolean;
      /** undefined: the server decides. */
      timeoutSeconds: number | undefined;
    }
  /** `entry` names it in the cache. */
  | { type: 'get'; path: ApiPath | undefined; entry: string; accept: string }
  | { type: 'token'; path: ApiPath }
  | { type: 'other'; path: ApiPath | undefined };

const listParameters = new Set([
  ...[
    'fieldSelector',
    'labelSelector',
    'limit',
    'resourceVersion',
    'resourceVersionMatch',
    'timeout',
    'timeoutSeconds',
  ],
  ...['watch', 'allowWatchBookmarks', 'sendInitialEvents', 'pretty'],
]);
const getParameters = new Set(['resourceVersion', 'timeout', 'pretty']);
const impersonation = 'impersonate-';

/**
 * Sorts a request into what the cache understands and `other`, which is forwarded untouched. Whatever is odd is `other`:
 * unknown or repeated parameters, unusual paths, subresources, impersonation, exact old versions, shaped answers.
 */
export function classify(
  method: string,
  target: string,
  headers: HeaderList,
  uncached: ReadonlySet<string>,
): Classified {
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const path = parsePath(rawPath);
  const other: Classified = { type: 'other', path };
  if (impersonates(headers)) return other;
  if (method === 'POST' && path && isTokenRequest(path)) return { type: 'token', path };
  if (method !== 'GET') return other;
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const { cacheable, accept } = negotiate(fieldOf(headers, 'accept'));
  if (!path || (path.name === '' && isDiscoveryPath(rawPath)))
    return discovery(rawPath, query, headers) ?? other;
  if (!cacheable || path.subresource !== '' || uncached.has(resourceName(path))) return other;
  if (mark >= 0) {
    const names = [...query.keys()];
    const known = path.name === '' ? listParameters : getParameters;
    if (new Set(names).size !== names.length || !names.every((name) => known.has(name))) return other;
  }
  if (path.name !== '') return { type: 'get', path, entry: rawPath, accept };
  return collection(path, query, accept) ?? other;
}

function impersonates(headers: HeaderList): boolean {
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index]!.startsWith(impersonation)) return true;
  return false;
}

function collection(path: ApiPath, query: URLSearchParams, accept: string): Classified | undefined {
  const fields = canonicalFieldSelector(query.get('fieldSelector') ?? '');
  const labels = canonicalLabelSelector(query.get('labelSelector') ?? '');
  const watch = flag(query.get('watch'));
  const initialEvents = flag(query.get('sendInitialEvents'));
  const bookmarks = flag(query.get('allowWatchBookmarks'));
  if (fields === undefined || labels === undefined) return undefined;
  if (watch === undefined || initialEvents === undefined || bookmarks === undefined) return undefined;
  const selection = { path, fields, labels };
  const match = query.get('resourceVersionMatch') ?? '';
  const resourceVersion = query.get('resourceVersion') ?? '';
  if (!['', 'NotOlderThan'].includes(match) || !/^[0-9]*$/.test(resourceVersion)) return undefined;
  if (!watch) return initialEvents ? undefined : { type: 'list', selection, query, accept };
  const seconds = query.get('timeoutSeconds');
  if (seconds !== null && !/^[0-9]{1,9}$/.test(seconds)) return undefined;
  const timeoutSeconds = seconds === null || Number(seconds) === 0 ? undefined : Number(seconds);
  return {
    type: 'watch',
    selection,
    query,
    accept,
    resourceVersion,
    initialEvents,
    bookmarks,
    timeoutSeconds,
  };
}

/** As strconv.ParseBool reads it; undefined for anything else. */
function flag(value: string | null): boolean | undefined {
  if (value === null || value === '') return value === '' ? undefined : false;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  return undefined;
}

function isTokenRequest({ group, version, resource, name, subresource, namespace }: ApiPath): boolean {
  return (
    group === '' &&
    version === 'v1' &&
    resource === 'serviceaccounts' &&
    name !== '' &&
    namespace !== '' &&
    subresource === 'token'
  );
}

/** Discovery answers differ by Accept (aggregated or not), so the entry carries it. */
function discovery(path: string, query: URLSearchParams, headers: HeaderList): Classified | undefined {
  if (!isDiscoveryPath(path) || [...query.keys()].some((name) => name !== 'timeout')) return undefined;
  const accept = fieldOf(headers, 'accept') ?? 'application/json';
  if (/protobuf|yaml|cbor/.test(accept) && !/json/.test(accept)) return undefined;
  const json = accept
    .split(',')
    .filter((type) => !/protobuf|yaml|cbor/.test(type))
    .join(',');
  return { type: 'get', path: undefined, entry: `${path}#${json}`, accept: json };
}
