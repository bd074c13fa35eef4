import { findDocument } from '../../../src/config/documents.ts';
import { getField } from '../../../src/config/fields.ts';
import { resolveInit } from '../../../src/config/init.ts';
import type { InitSettings, MachineFacts } from '../../../src/config/types.ts';
import { file, kubeadm, machine } from './support.ts';

/** Settings of `edgeadm init` with these flags, the text of a file, and other facts than those of `machine`. */
export const resolve = (
  flags: Record<string, unknown>,
  more: {
    text?: string;
    machine?: Partial<MachineFacts>;
    packageVersion?: string;
    addonNames?: string[];
  } = {},
) =>
  resolveInit({
    flags,
    machine: { ...machine, ...more.machine },
    ...(more.text === undefined ? {} : { config: file(more.text) }),
    ...(more.packageVersion === undefined ? {} : { packageVersion: more.packageVersion }),
    ...(more.addonNames === undefined ? {} : { addonNames: more.addonNames }),
  });
/** A field of a document of the settings, by its path. */
export const field = (settings: InitSettings, kind: string, path: string) =>
  getField(findDocument(settings.documents, kind), path);

export const cluster = `${kubeadm}\nkind: ClusterConfiguration\n`;
export const init = `${kubeadm}\nkind: InitConfiguration\n`;
export const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
export const edge = 'apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n';
