import { edgeVersion } from './documents.ts';
import { type Fields, isFields } from './fields.ts';
import type { Schema } from './schema/schema.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from './types.ts';

/** Fields of the document as users write it; see docs/configuration.md. */
export const edgeSchema: Schema = {
  apiVersion: 'string',
  kind: 'string',
  metadata: 'any',
  enabled: 'bool',
  virtualAddress: 'string',
  addons: { '*': 'any' },
  images: { edgeRepository: 'string', mirrors: { '*': ['string'] } },
  cni: {
    name: 'string',
    flannel: { backend: 'string', vni: 'int', port: 'int', mtu: 'int', interface: 'string' },
  },
  runtime: {
    name: 'string',
    ignore: 'bool',
    dataRoot: 'string',
    snapshotter: 'string',
    restrictOomScoreAdj: 'bool',
  },
  node: { hosts: [{ ip: 'string', names: ['string'] }], sysctls: { '*': 'intOrString' }, firewall: 'bool' },
  ha: { provider: 'string', interface: 'string' },
  package: { path: 'string', publicKeyFile: 'string' },
};

/** What holds when neither a file nor a flag says otherwise. */
export function edgeDefaults(machine: Pick<MachineFacts, 'canLowerOomScore'>): EdgeConfiguration {
  return {
    enabled: true,
    virtualAddress: '169.254.20.11',
    addons: {},
    images: { edgeRepository: 'ghcr.io/superedge', mirrors: {} },
    cni: { name: 'flannel', flannel: { backend: 'vxlan' } },
    runtime: {
      name: 'containerd',
      ignore: false,
      dataRoot: '/var/lib/containerd',
      snapshotter: 'overlayfs',
      restrictOomScoreAdj: !machine.canLowerOomScore,
    },
    node: { hosts: [], sysctls: {}, firewall: true },
    ha: { provider: 'kube-vip', interface: '' },
    package: { path: '' },
  };
}

/**
 * EdgeConfiguration of a document (checked against `edgeSchema` before) over the defaults. Mappings are merged field by
 * field; lists are taken as they are; a null is as if not written.
 */
export function toEdgeConfiguration(
  document: KubeDocument | undefined,
  machine: Pick<MachineFacts, 'canLowerOomScore'>,
): EdgeConfiguration {
  const {
    apiVersion: _version,
    kind: _kind,
    metadata: _metadata,
    addons,
    ...fields
  } = document ?? { apiVersion: '', kind: '' };
  const edge = over(edgeDefaults(machine) as unknown as Fields, fields) as unknown as EdgeConfiguration;
  edge.addons = isFields(addons) ? toAddons(addons) : {};
  edge.node.sysctls = Object.fromEntries(
    Object.entries(edge.node.sysctls).map(([key, value]) => [key, String(value)]),
  );
  return edge;
}

/** The document that stands for a configuration, with every field written: reading it again gives the same. */
export function toEdgeDocument(edge: EdgeConfiguration): KubeDocument {
  const addons = Object.entries(edge.addons).map(([name, { enabled, settings }]) => [
    name,
    enabled && Object.keys(settings).length > 0 ? settings : enabled,
  ]);
  return { apiVersion: edgeVersion, kind: 'EdgeConfiguration', ...edge, addons: Object.fromEntries(addons) };
}

/** `tunnel: false`, `tunnel: true`, `tunnel:` or `tunnel: {its settings}`. */
function toAddons(addons: Fields): EdgeConfiguration['addons'] {
  return Object.fromEntries(
    Object.entries(addons).map(([name, value]) => [
      name,
      { enabled: value !== false, settings: isFields(value) ? structuredClone(value) : {} },
    ]),
  );
}

function over(base: Fields, fields: Fields): Fields {
  const result: Fields = { ...base };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    const below = result[name];
    result[name] = isFields(value) && isFields(below) ? over(below, value) : structuredClone(value);
  }
  return result;
}
