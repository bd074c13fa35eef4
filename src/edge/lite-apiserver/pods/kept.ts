import type { ProxyContext } from '../proxy/context.ts';
import { objectPath } from '../request/path.ts';
import type { ApiObject } from '../wire/object.ts';
import { type Kept, needsOf, type PodNeeds } from './needs.ts';
import { isOwnPods } from './workload.ts';

const resources = { ConfigMap: 'configmaps', Secret: 'secrets' } as const;

/**
 * Each pod of this node with what it needs and whether the cache has it; `GET /edge/pods`. undefined when the kubelet has
 * not read its pods through the proxy yet.
 */
export function podsOf({ config, store }: Pick<ProxyContext, 'config' | 'store'>): PodNeeds[] | undefined {
  const identity = `node:${config.nodeName}`;
  store.flush();
  return store.guard(() => {
    const pods = [...store.collections].find(
      ({ key, complete }) => complete && isOwnPods(key, config.nodeName),
    );
    const rows = pods && store.collections.read(pods);
    return rows?.flatMap(({ body }) => {
      const needs = needsOf(JSON.parse(body) as ApiObject, keptBy({ store }, identity));
      return needs ? [needs] : [];
    });
  });
}

function keptBy({ store }: Pick<ProxyContext, 'store'>, identity: string): Kept {
  return {
    object(kind, namespace, name) {
      const object = { group: '', version: 'v1', resource: resources[kind], namespace, name };
      if (store.collections.member(identity, object)) return true;
      return store.entries.get(identity, objectPath(object))?.status === 200;
    },
    token({ namespace, name, uid }, serviceAccount, audience) {
      const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name, uid };
      const spec = {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds: undefined,
        boundObjectRef,
      };
      return store.tokens.get({ identity, namespace, serviceAccount, spec }) !== undefined;
    },
  };
}
