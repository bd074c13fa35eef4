import type { EdgeConfiguration, MachineFacts } from '../src/config/types.ts';
import type { JournaledHost } from '../src/host/host.ts';
import type { KubeClient } from '../src/kube/types.ts';
import type { InstallPackage, OpenOptions, PackageImage, PackageManifest } from '../src/package/types.ts';
import type { Emit } from '../src/workflow/events.ts';

export type NodeRole = 'control-plane' | 'worker' | 'edge';

/** What the phases that init and join share know: the host, the node it becomes, the package it is made from. */
export interface NodeContext {
  command: 'init' | 'join';
  host: JournaledHost;
  emit: Emit;
  signal: AbortSignal;
  machine: MachineFacts;
  edge: EdgeConfiguration;
  role: NodeRole;
  nodeName: string;
  criSocket: string;
  podSubnet: string | undefined;
  /** The kubelet runs with swap on (failSwapOn: false): it is left alone. */
  toleratesSwap: boolean;
  /** Registry that kubeadm's images are named after; images of the package get this name too. */
  imageRepository: string | undefined;
  controlPlaneEndpoint: string | undefined;
  manifestsDir: string | undefined;
  ignorePreflightErrors: readonly string[];
  skipPhases: readonly string[];
  package: PackageAccess;
  /** Runs the checks of this command; the `preflight` phase calls it. */
  preflight(): Promise<void>;
}

/** The install package of this run: opened once, unpacked once. */
export interface PackageAccess {
  /** Where it is read from, or undefined when there is only what an earlier run unpacked. */
  location: string | undefined;
  openOptions: OpenOptions;
  open(): Promise<InstallPackage>;
  /** What the package says that it has; undefined when none was named and none is on the host. */
  manifest(): Promise<PackageManifest | undefined>;
  /** Folder of the unpacked package on the host, or undefined when it is not there yet. */
  root(): Promise<string | undefined>;
  /** Images of the package by full name; empty when it is not unpacked. */
  images(): Promise<PackageImage[]>;
}

/** A client that is made when it is first needed: importing it takes most of a second. */
export type LazyClient = () => Promise<KubeClient>;
