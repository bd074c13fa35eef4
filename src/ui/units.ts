/** Seconds as people read them: `0.4s`, `12s`, `3m05s`, `1h02m`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`;
}

/** Bytes in decimal units, as package and registry sizes are published: `812 B`, `4.1 MB`, `1.2 GB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

/** `12/40` or `4.1 MB/12 MB`. */
export function amount(done: number, total: number, unit: 'bytes' | 'items' | undefined): string {
  return unit === 'bytes' ? `${bytes(done)}/${bytes(total)}` : `${done}/${total}`;
}

const pad = (value: number): string => String(value).padStart(2, '0');
