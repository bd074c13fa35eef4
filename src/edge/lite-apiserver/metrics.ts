type Labels = Record<string, string>;

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Histogram {
  buckets: number[];
  sum: number;
  count: number;
}

/**
 * Counters, gauges and one histogram in the Prometheus text format. A library for it would cost more memory than the
 * rest of the proxy's heap; the format is the only contract: prometheus.io/docs/instrumenting/exposition_formats.
 */
export class Metrics {
  private readonly help = new Map<string, { type: string; text: string }>();
  private readonly counters = new Map<string, Map<string, number>>();
  private readonly histograms = new Map<string, Map<string, Histogram>>();
  private readonly gauges: { name: string; read: () => number }[] = [];

  constructor() {
    this.describe('requests_total', 'counter', 'Requests by kind, how they were answered, and status code.');
    this.describe(
      'request_seconds',
      'histogram',
      'Seconds to the end of an answer, without watches and upgrades.',
    );
    this.describe('watch_events_total', 'counter', 'Watch events passed to clients.');
    this.describe('watch_resumes_total', 'counter', 'Held watches that went on upstream, by outcome.');
    this.describe('cache_fills_total', 'counter', 'Full reads put into the cache, by outcome.');
    this.describe('refused_total', 'counter', 'Callers turned away by the proxy itself.');
  }

  describe(name: string, type: string, text: string): void {
    this.help.set(name, { type, text });
  }

  /** Labels must come from a small fixed set: never a name, a namespace or a user. */
  count(name: string, labels: Labels = {}, by = 1): void {
    const series = getOrAdd(this.counters, name, () => new Map<string, number>());
    const key = labelText(labels);
    series.set(key, (series.get(key) ?? 0) + by);
  }

  observe(name: string, seconds: number, labels: Labels = {}): void {
    const series = getOrAdd(this.histograms, name, () => new Map<string, Histogram>());
    const histogram = getOrAdd(series, labelText(labels), () => ({
      buckets: latencyBuckets.map(() => 0),
      sum: 0,
      count: 0,
    }));
    const bucket = latencyBuckets.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
    histogram.sum += seconds;
    histogram.count++;
  }

  gauge(name: string, text: string, read: () => number, type = 'gauge'): void {
    this.describe(name, type, text);
    this.gauges.push({ name, read });
  }

  total(name: string): number {
    return [...(this.counters.get(name)?.values() ?? [])].reduce((sum, value) => sum + value, 0);
  }

  text(): string {
    const lines: string[] = [];
    const head = (name: string) => {
      const { type, text } = this.help.get(name) ?? { type: 'untyped', text: name };
      lines.push(`# HELP lite_apiserver_${name} ${text}`, `# TYPE lite_apiserver_${name} ${type}`);
    };
    for (const [name, series] of this.counters) {
      head(name);
      for (const [labels, value] of series) lines.push(`lite_apiserver_${name}${braces(labels)} ${value}`);
    }
    for (const { name, read } of this.gauges) {
      head(name);
      lines.push(`lite_apiserver_${name} ${read()}`);
    }
    for (const [name, series] of this.histograms) {
      head(name);
      for (const [labels, { buckets, sum, count }] of series) {
        const before = labels === '' ? '' : `${labels},`;
        let cumulative = 0;
        latencyBuckets.forEach((limit, index) => {
          cumulative += buckets[index] ?? 0;
          lines.push(`lite_apiserver_${name}_bucket{${before}le="${limit}"} ${cumulative}`);
        });
        lines.push(`lite_apiserver_${name}_bucket{${before}le="+Inf"} ${count}`);
        lines.push(
          `lite_apiserver_${name}_sum${braces(labels)} ${sum}`,
          `lite_apiserver_${name}_count${braces(labels)} ${count}`,
        );
      }
    }
    return `${lines.join('\n')}\n`;
  }
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`)
    .join(',');
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
