import { findDocument, parseDocuments, renderDocuments } from './documents.ts';
import { toEdgeConfiguration, toEdgeDocument } from './edge-configuration.ts';
import type { EdgeConfiguration } from './types.ts';

/** What of an EdgeConfiguration holds for the whole cluster; the rest is a node's own. */
export type ClusterEdge = Pick<EdgeConfiguration, 'enabled' | 'virtualAddress' | 'addons' | 'cni'>;

/** The object that `init` writes and `join` reads. */
export const edgeConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'kube-system',
  name: 'edgeadm-config',
} as const;

/** Key of the document in the ConfigMap. */
export const edgeConfigKey = 'EdgeConfiguration';

/** The cluster's part of a configuration, as the document in the ConfigMap. */
export function renderClusterEdge(edge: EdgeConfiguration): string {
  const { apiVersion, kind, enabled, virtualAddress, addons, cni } = toEdgeDocument(edge);
  return renderDocuments([{ apiVersion: apiVersion!, kind: kind!, enabled, virtualAddress, addons, cni }]);
}

/** Reads the document of the ConfigMap; fields of later versions are left out. Errors: E_CONFIG_YAML, E_CONFIG_INVALID. */
export function parseClusterEdge(text: string): ClusterEdge {
  const documents = parseDocuments({ text, path: `ConfigMap ${edgeConfigMap.name}` });
  const { enabled, virtualAddress, addons, cni } = toEdgeConfiguration(
    findDocument(documents, 'EdgeConfiguration'),
    { canLowerOomScore: true },
  );
  return { enabled, virtualAddress, addons, cni };
}

/** Whether a node of this cluster has an addon: the cluster's word, unless the node's own configuration names it. */
export function hasAddon(
  cluster: ClusterEdge,
  own: Pick<EdgeConfiguration, 'addons'>,
  name: string,
): boolean {
  return cluster.enabled && (own.addons[name] ?? cluster.addons[name])?.enabled !== false;
}
