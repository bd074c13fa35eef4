/**
 * Runs every test, first the quick ones (unit, cli), then the ones on real nodes (e2e), and closes with one plain
 * line of counts. A failing group does not keep the next one from running; any failure makes the exit status 1.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numFailedTestSuites: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

const groups =
  process.argv.length > 2
    ? [process.argv.slice(2)]
    : [
        ['--project', 'unit', '--project', 'cli'],
        ['--project', 'e2e'],
      ];
const counts = { passed: 0, failed: 0, skipped: 0 };
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
  counts.failed += failed > 0 || exitCode === 0 ? failed : 1;
}
await rm(scratch, { recursive: true, force: true });
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
