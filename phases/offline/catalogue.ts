/** Does not survive a reboot offline; may not, or not for as long. */
export type Severity = 'error' | 'warning';

/**
 * Every finding of `edgeadm check offline` by its stable ID, as docs/edge.md lists them; a test holds the two together.
 * `error` is what keeps the node, or a pod of it, from coming back after a reboot without the cloud.
 */
export const offlineFindings = {
  CertificateMissing: 'error',
  CertificateExpired: 'error',
  CertificateExpiresSoon: 'warning',
  ClockWrong: 'error',
  ClockNotSynchronised: 'warning',
  ProxyNotRunning: 'error',
  ProxyBypassed: 'error',
  UnitMissing: 'error',
  UnitNotEnabled: 'error',
  UnitNotActive: 'error',
  EdgeAddressMissing: 'error',
  CacheNotWritten: 'error',
  CacheIncomplete: 'error',
  PodInputMissing: 'error',
  PodTokenMissing: 'error',
  PodVolumeUnknown: 'warning',
  ImageMissing: 'error',
  ImagePulledAlways: 'error',
  ImageNotPinned: 'warning',
  NoDefaultRoute: 'warning',
  DiskFull: 'error',
  DiskNearlyFull: 'warning',
  MuchWritten: 'warning',
  NotChecked: 'warning',
} as const satisfies Record<string, Severity>;

export type OfflineFindingId = keyof typeof offlineFindings;

export interface OfflineFinding {
  id: OfflineFindingId;
  severity: Severity;
  /** Lower-case; names the value at fault. */
  message: string;
  /** What to do, as a sentence or a command. */
  fix: string;
}

export const finding = (id: OfflineFindingId, message: string, fix: string): OfflineFinding => ({
  id,
  severity: offlineFindings[id],
  message,
  fix,
});
