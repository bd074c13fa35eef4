import { findDocument, needsMigration, parseDocuments, renderDocuments } from './documents.ts';
import type { KubeDocument } from './types.ts';
import type { ConfigText } from './yaml.ts';

export interface Migration {
  /** What to give to `kubeadm config migrate --old-config FILE`: kubeadm's documents only. */
  old: string;
  /** Puts kubeadm's answer and the documents that it must not see together again. */
  finish(migrated: string): ConfigText;
}

/**
 * What is to be migrated in a configuration file, or undefined when all of it is current. kubeadm migrates its own kinds
 * and drops all others, so those are kept aside here.
 */
export function planMigration(config: ConfigText): Migration | undefined {
  const documents = parseDocuments(config);
  if (!needsMigration(documents)) return undefined;
  const own = (document: KubeDocument) => document.apiVersion.startsWith('kubeadm.k8s.io/');
  return {
    old: renderDocuments(documents.filter(own)),
    finish(migrated) {
      const fresh = parseDocuments({ text: migrated, path: config.path });
      // kubeadm answers with both Init- and ClusterConfiguration; one that the user did not write is only defaults.
      const asked = fresh.filter(({ kind }) => findDocument(documents, kind));
      const others = documents.filter((document) => !own(document));
      return { text: renderDocuments([...asked, ...others]), path: config.path };
    },
  };
}
