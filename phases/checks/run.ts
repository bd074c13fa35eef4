import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import type { PackageManifest } from '../../src/package/types.ts';
import type { Emit } from '../../src/workflow/events.ts';
import type { Check, CheckContext, Finding } from './check.ts';

export interface RunOptions {
  /** Names of checks whose errors become warnings, in any case; `all` is every check. */
  ignore: readonly string[];
  emit: Emit;
  signal: AbortSignal;
  package?: PackageManifest | undefined;
}

export type NamedFinding = Finding & { name: string };

/**
 * Runs all checks at once, each with a deadline, and reports everything they found: warnings as events, then one
 * E_PREFLIGHT for all errors. Returns the warnings.
 */
export async function runChecks<S>(
  checks: readonly Check<S>[],
  host: Host,
  settings: S,
  options: RunOptions,
): Promise<NamedFinding[]> {
  const { emit, signal } = options;
  const due = checks.filter((check) => check.applies?.(settings) ?? true);
  let done = 0;
  const results = await Promise.all(
    due.map(async (check) => {
      const findings = await runOne(check, host, settings, options);
      emit({ type: 'progress', step: `check ${check.name}`, done: ++done, total: due.length, unit: 'items' });
      return findings;
    }),
  );
  signal.throwIfAborted();
  const ignored = new Set(options.ignore.map((name) => name.trim().toLowerCase()));
  const found = due.flatMap((check, index) => results[index]!.map((each) => settle(check, each, ignored)));
  const warnings = found.filter(({ level }) => level === 'warning');
  const errors = found.filter(({ level }) => level === 'error');
  for (const { name, message, fix } of warnings) emit({ type: 'warning', code: name, message, hint: fix });
  if (errors.length > 0) throw failure(errors);
  return warnings;
}

/** Gives a finding its name, and makes an error that the user ignores a warning. */
function settle<S>(check: Check<S>, found: Finding, ignored: ReadonlySet<string>): NamedFinding {
  const name = found.name ?? check.name;
  const names = ['all', name, check.name, ...(check.aliases ?? [])];
  const level = names.some((each) => ignored.has(each.toLowerCase())) ? 'warning' : found.level;
  return { ...found, name, level };
}

async function runOne<S>(check: Check<S>, host: Host, settings: S, options: RunOptions): Promise<Finding[]> {
  const timeoutMs = check.timeoutMs ?? 15_000;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([options.signal, limit]);
  const context: CheckContext = { signal, package: options.package };
  try {
    return await raceAbort(check.run(host, settings, context), signal);
  } catch (thrown) {
    options.signal.throwIfAborted();
    if (limit.aborted) {
      const message = `the check ${check.name} did not finish within ${timeoutMs / 1000} s`;
      return [
        { level: 'error', message, fix: 'Look at the load of the host (`uptime`, `dmesg`) and try again.' },
      ];
    }
    if (!(thrown instanceof EdgeadmError)) throw thrown;
    // The check of the tools reports a missing program as an error of its own.
    const level = thrown.code === 'E_COMMAND_MISSING' ? 'warning' : 'error';
    const message = `could not be checked: ${thrown.message}`;
    return [{ level, message, fix: thrown.hint ?? 'Mend the named command or file.' }];
  }
}

/** Not every wait in a check takes a signal; an abandoned one ends by itself. */
function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
}

function failure(errors: readonly NamedFinding[]): EdgeadmError {
  const names = [...new Set(errors.map(({ name }) => name))];
  const [first] = errors;
  const message =
    errors.length === 1
      ? `${first!.name}: ${first!.message}`
      : `${errors.length} preflight checks failed: ${names.join(', ')}`;
  return new EdgeadmError('E_PREFLIGHT', message, {
    details: errors.flatMap(({ name, message: text, fix }) => [`[${name}] ${text}`, `  fix: ${fix}`]),
    hint: `Nothing was changed. Mend these and run the same command again, or make them warnings with --ignore-preflight-errors=${names.join(',')}.`,
  });
}
