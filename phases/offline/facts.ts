import type { PodNeeds } from '../../src/edge/lite-apiserver/pods/needs.ts';
import type { LiteApiserverStatus } from '../../src/edge/lite-apiserver/status.ts';
import type { UnitFacts } from '../checks/units.ts';

/** A certificate that the node lives on. Times are milliseconds since 1970. */
export interface CertificateFact {
  role: 'kubelet-client' | 'lite-apiserver-serving' | 'cluster-ca';
  file: string;
  /** Absent when it could not be read; then `problem` says why. */
  notBefore?: number;
  notAfter?: number;
  problem?: string;
}

export interface ImageFact {
  /** As the container runtime names it, with registry and tag or digest. */
  name: string;
  pinned: boolean;
}

export interface DiskFact {
  /** `/dev/sda1` */
  device: string;
  mount: string;
  /** What is on it, e.g. `/var/lib/kubelet`. */
  path: string;
  bytes: number;
  availableBytes: number;
  availableInodes: number;
  inodes: number;
  /** What the kubelet keeps free: with less it evicts pods. */
  reserved: { bytes: number; inodes: number };
}

/**
 * What the verdict is made from: one look at a node, without any judgement. `undefined` where a look was not possible;
 * `unknown` then says why.
 */
export interface OfflineFacts {
  node: string;
  /** The node's clock, milliseconds since 1970. */
  now: number;
  certificates: readonly CertificateFact[];
  /** Server in the kubelet's kubeconfig; empty when there is none. */
  kubeletServer: string;
  /** What the node-local API proxy says of itself. */
  proxy: LiteApiserverStatus | undefined;
  /** What each pod of the node needs to start, and whether it is here. */
  pods: readonly PodNeeds[] | undefined;
  images: readonly ImageFact[] | undefined;
  /** Image of the container that holds a pod's network; undefined when the runtime does not say. */
  sandboxImage: string | undefined;
  units: readonly UnitFacts[];
  /** Addresses that the node's own process keeps on this host, and those that are there. */
  edgeLink: { wanted: readonly string[]; present: readonly string[] } | undefined;
  /** undefined: the routes could not be read. */
  hasDefaultRoute: boolean | undefined;
  clock: {
    /** The last time that the API server confirmed, milliseconds since 1970. */
    confirmedAt?: number;
    /** Whether something sets the clock; undefined: the machine around this container does. */
    synchronised?: boolean;
    hasHardwareClock: boolean;
  };
  disks: readonly DiskFact[];
  /** Bytes written to the disk below /var per hour, on average since the boot. */
  writtenPerHour: number | undefined;
  /** Looks that failed: what, and why. */
  unknown: readonly { what: string; why: string }[];
}
