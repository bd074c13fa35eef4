/**
 * Runs every test, first the quick ones (unit, cli), then the ones on real nodes (e2e), and closes with one plain
 * line of counts. A failing group does not keep the next one from running; any failure makes the exit status 1.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numFailedTestSuites: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] | null }[];
  }[];
}

const groups =
  process.argv.length > 2
    ? [process.argv.slice(2)]
    : [
        ['--project', 'unit', '--project', 'cli'],
        ['--project', 'e2e'],
      ];
const counts = { passed: 0, failed: 0, skipped: 0 };
/** A line for each failure, for whoever sees only the end of a long output. */
const failures: string[] = [];
const scratch = await mkdtemp(join(tmpdir(), 'edgeadm-test-'));

for (const [index, group] of groups.entries()) {
  const report = join(scratch, `${index}.json`);
  const { exitCode } = await execa(
    'vitest',
    ['run', ...group, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { preferLocal: true, stdio: 'inherit', reject: false },
  );
  const result = await readFile(report, 'utf8').then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  );
  counts.passed += result?.numPassedTests ?? 0;
  counts.skipped += (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
  const failed = result?.numFailedTests ?? 0;
  // A file that cannot even be loaded has no failed test, and a runner that dies has no report: both count as one.
  failures.push(...failuresOf(result));
  counts.failed += failed > 0 || exitCode === 0 ? failed : 1;
}
await rm(scratch, { recursive: true, force: true });
if (failures.length > 0) console.log(`\nFailed:\n${failures.join('\n')}`);
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

function failuresOf(report: Report | undefined): string[] {
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    // A hook or an import that fails belongs to no test.
    if (failed.length === 0) return status === 'failed' ? [`  ${file}: ${firstLine(message)}`] : [];
    return failed.map(
      ({ fullName, failureMessages }) => `  ${file}: ${fullName}: ${firstLine(failureMessages?.[0] ?? '')}`,
    );
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, 300);
}
