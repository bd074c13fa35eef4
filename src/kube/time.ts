/**
 * A time as Kubernetes writes it (metav1.Time): RFC 3339 in UTC with whole seconds. From a Date or milliseconds since
 * 1970; a RangeError for one that no Date can hold.
 */
export function kubeTime(at: Date | number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
