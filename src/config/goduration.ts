const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a duration in Go's syntax (time.ParseDuration): `24h0m0s`, `1.5h`, `-2m`, `0`.
 * undefined when it is not one.
 */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (!match) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit] of match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    milliseconds += Number(amount) * units[unit!]!;
  }
  return match[1] === '-' ? -milliseconds : milliseconds;
}

/** Go's own form of a duration of whole seconds: 86400000 → `24h0m0s`, 90000 → `1m30s`, 0 → `0s`. */
export function formatGoDuration(milliseconds: number): string {
  const total = Math.round(Math.abs(milliseconds) / 1000);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const text = `${hours > 0 ? `${hours}h` : ''}${total >= 60 ? `${minutes}m` : ''}${total % 60}s`;
  return milliseconds < 0 && total > 0 ? `-${text}` : text;
}
