/** A number that is shown on /metrics, by the values of its labels. */
export interface Metric {
  add(labels?: Readonly<Record<string, string>>, by?: number): void;
  set(value: number, labels?: Readonly<Record<string, string>>): void;
}

export interface Metrics {
  counter(name: string, help: string): Metric;
  /** With `read`, its value is asked for when it is shown. */
  gauge(name: string, help: string, read?: () => number): Metric;
  /** The text exposition format (https://prometheus.io/docs/instrumenting/exposition_formats). */
  text(): string;
}

/**
 * A handful of numbers; by hand, since a metrics library would be the largest part of the process's own memory.
 * Process figures have the names that every Prometheus client gives them.
 */
export function createMetrics(): Metrics {
  const families: {
    name: string;
    help: string;
    type: string;
    values: Map<string, number>;
    read?: (() => number) | undefined;
  }[] = [];

  function family(name: string, help: string, type: 'counter' | 'gauge', read?: () => number): Metric {
    const values = new Map<string, number>();
    families.push({ name, help, type, values, read });
    return {
      add(labels = {}, by = 1) {
        const key = labelText(labels);
        values.set(key, (values.get(key) ?? 0) + by);
      },
      set(value, labels = {}) {
        values.set(labelText(labels), value);
      },
    };
  }

  const cpu = family(
    'process_cpu_seconds_total',
    'User and system CPU time of this process in seconds.',
    'counter',
  );
  const memory = family(
    'process_resident_memory_bytes',
    'Resident memory of this process in bytes.',
    'gauge',
  );
  const start = family(
    'process_start_time_seconds',
    'Start of this process since the epoch in seconds.',
    'gauge',
  );
  start.set(Math.round(performance.timeOrigin / 1000));

  return {
    counter: (name, help) => family(name, help, 'counter'),
    gauge: (name, help, read) => family(name, help, 'gauge', read),
    text() {
      const { user, system } = process.cpuUsage();
      cpu.set((user + system) / 1e6);
      memory.set(process.memoryUsage.rss());
      return families
        .map(({ name, help, type, values, read }) => {
          if (read) values.set('', read());
          const lines = [...values].map(([labels, value]) => `${name}${labels} ${value}\n`);
          return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
        })
        .join('');
    },
  };
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}
