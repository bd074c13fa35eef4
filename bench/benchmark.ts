/** What a benchmark is, and how its figures are told. */

/** One thing measured, with what it is held against. All times of one row were taken in turn, in one run. */
export interface Row {
  what: string;
  unit: 'ms' | 's' | 'MB/s' | 'MB' | '%' | 'KB/h';
  /** edgeadm's figures, one a repeat. */
  ours: readonly number[];
  /** Those of what it is held against. */
  theirs?: readonly number[];
  /** What the ratio of the medians, or without `theirs` the median, is to be: `≤ 2.0`. */
  goal?: string;
}

export interface Benchmark {
  name: string;
  /** Heading and first paragraph of its section. */
  title: string;
  text: string;
  run(context: BenchContext): Promise<BenchResult>;
}

export interface BenchResult {
  rows: Row[];
  /** Markdown after the table: where the time goes. */
  details?: string;
}

export interface BenchContext {
  /** An empty folder that is removed afterwards. */
  folder: string;
  /** Path of an install package of this checkout, built at the first call. */
  package(): Promise<string>;
  /** How often each is measured; default the benchmark's own choice. */
  repeats?: number;
  log(line: string): void;
}

/** Calls each way in turn, `repeats` times, and returns what each returned. */
export async function alternate<K extends string, T>(
  ways: Record<K, (repeat: number) => Promise<T>>,
  repeats: number,
): Promise<Record<K, T[]>> {
  const names = Object.keys(ways) as K[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, T[]>;
  for (let repeat = 0; repeat < repeats; repeat++) {
    // Who goes first changes, as what one leaves behind may slow down or speed up the next.
    for (const name of repeat % 2 === 0 ? names : names.toReversed())
      results[name].push(await ways[name](repeat));
  }
  return results;
}

/** Seconds that something takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A Markdown table of rows: medians, in brackets the smallest and the largest. */
export function table(rows: readonly Row[]): string {
  const compared = rows.some(({ theirs }) => theirs);
  const head = compared
    ? '| what | edgeadm | compared with | ratio | goal |\n|---|---|---|---|---|'
    : '| what | edgeadm | goal |\n|---|---|---|';
  const lines = rows.map(({ what, unit, ours, theirs, goal = '' }) => {
    if (!compared) return `| ${what} | ${spread(ours, unit)} | ${goal} |`;
    // Less than the clock's step has no ratio.
    const ratio = theirs && median(theirs) > 0 ? `**${(median(ours) / median(theirs)).toFixed(2)}**` : '';
    return `| ${what} | ${spread(ours, unit)} | ${theirs ? spread(theirs, unit) : ''} | ${ratio} | ${goal} |`;
  });
  return [head, ...lines].join('\n');
}

function spread(values: readonly number[], unit: string): string {
  const figure = (value: number): string =>
    value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
  const range = values.length > 1 ? ` (${figure(Math.min(...values))} – ${figure(Math.max(...values))})` : '';
  return `${figure(median(values))} ${unit}${range}`;
}

/** A Markdown table of the medians of named parts, one column a way. */
export function parts(columns: Record<string, readonly Record<string, number>[]>): string {
  const names = Object.keys(columns);
  const steps = new Set(names.flatMap((name) => columns[name]!.flatMap((each) => Object.keys(each))));
  const cell = (name: string, step: string): string => {
    const values = columns[name]!.map((each) => each[step]).filter((value) => value !== undefined);
    return values.length === 0 ? '' : `${median(values).toFixed(2)} s`;
  };
  return [
    `| where the time goes | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...[...steps].map((step) => `| ${step} | ${names.map((name) => cell(name, step)).join(' | ')} |`),
  ].join('\n');
}
