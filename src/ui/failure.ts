import type { EdgeadmError } from '../errors.ts';
import { oneLine, type Paint } from './terminal.ts';

/** Where the stable codes are explained. */
const MANUAL = 'docs/troubleshooting.md';

/** What failed, where, its details, what to do next and where to read on. Ends with a line break. */
export function formatFailure(error: EdgeadmError, paint: Paint, verbosity = 0): string {
  const host = error.host === undefined ? '' : ` on ${error.host}`;
  const lines = [`${paint('red', `error${host}:`)} ${error.message}`];
  for (const detail of error.details) {
    for (const line of detail.split('\n')) lines.push(`  ${paint('dim', '|')} ${printable(line)}`);
  }
  if (error.hint !== undefined) {
    const [first = '', ...rest] = error.hint.split('\n');
    lines.push(`  ${paint('cyan', 'hint:')} ${first}`, ...rest.map((line) => `        ${line}`));
  }
  lines.push(`  ${paint('dim', `see ${MANUAL}#${error.code}`)}`);
  if (verbosity >= 5) lines.push(...stack(error).map((line) => paint('dim', `  ${line}`)));
  return `${lines.join('\n')}\n`;
}

/** A warning on one line, its hint on the next. */
export function formatWarning(
  warning: { code?: string; message: string; hint?: string },
  paint: Paint,
): string {
  const hint = warning.hint === undefined ? '' : `\n  ${paint('cyan', 'hint:')} ${warning.hint}`;
  return `${paint('yellow', 'warning:')} ${warning.message}${hint}\n`;
}

function stack(error: EdgeadmError): string[] {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (lines.length > 0) lines.push('caused by:');
    lines.push(...(at.stack ?? at.message).split('\n'));
  }
  return lines;
}

const printable = (line: string): string => {
  const indent = /^ */.exec(line)?.[0] ?? '';
  return indent + oneLine(line);
};
