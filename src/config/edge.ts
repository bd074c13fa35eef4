import { mergeArguments, toArguments } from './arguments.ts';
import { ensureDocument } from './documents.ts';
import { getField, setDefault, setField, textsAt } from './fields.ts';
import { tunnelContribution } from './tunnel.ts';
import type { Argument, EdgeConfiguration, KubeDocument } from './types.ts';

/** A host folder or file in a control-plane pod, as v1beta4 writes it. */
export interface HostPathMount {
  name: string;
  hostPath: string;
  mountPath: string;
  readOnly?: boolean;
  pathType?: string;
}

/** What an addon needs of kubeadm's documents. Nothing of it wins over what the user wrote. */
export interface Contribution {
  apiServer?: {
    extraArgs?: readonly Argument[];
    extraVolumes?: readonly HostPathMount[];
    certSANs?: readonly string[];
  };
  /** Fields of KubeletConfiguration by path. */
  kubelet?: Readonly<Record<string, unknown>>;
}

/**
 * Where addons state their needs: a function from the edge configuration and kubeadm's documents to a contribution, called
 * by init with edge enabled. An addon that is switched off answers undefined.
 */
export const contributors: ((
  edge: EdgeConfiguration,
  documents: readonly KubeDocument[],
) => Contribution | undefined)[] = [tunnelContribution];

/** Merges a contribution into documents in place; doing it again changes nothing. */
export function contribute(documents: KubeDocument[], { apiServer, kubelet }: Contribution): void {
  if (apiServer) {
    const cluster = ensureDocument(documents, 'ClusterConfiguration');
    if (apiServer.extraArgs?.length) {
      const user = getField(cluster, 'apiServer.extraArgs');
      setField(cluster, 'apiServer.extraArgs', mergeArguments(toArguments(user), apiServer.extraArgs));
    }
    if (apiServer.extraVolumes?.length) {
      const user = (getField(cluster, 'apiServer.extraVolumes') ?? []) as HostPathMount[];
      const added = apiServer.extraVolumes.filter(({ name }) => !user.some((volume) => volume.name === name));
      setField(cluster, 'apiServer.extraVolumes', [...user, ...added]);
    }
    addCertificateNames(cluster, apiServer.certSANs ?? []);
  }
  if (kubelet) {
    const document = ensureDocument(documents, 'KubeletConfiguration');
    for (const [path, value] of Object.entries(kubelet)) setDefault(document, path, value);
  }
}

/** Adds names to the API server's certificate that it does not have yet. */
export function addCertificateNames(cluster: KubeDocument, names: readonly string[]): void {
  const user = textsAt(cluster, 'apiServer.certSANs');
  const added = names.filter((name) => !user.includes(name));
  if (added.length > 0) setField(cluster, 'apiServer.certSANs', [...user, ...added]);
}
