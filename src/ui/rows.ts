import { bar, type Progress, remaining } from './progress.ts';
import { cut, oneLine, type Paint, type Symbols } from './terminal.ts';
import { amount, duration } from './units.ts';

export type RowState = 'pending' | 'running' | 'done' | 'failed' | 'skipped' | 'heading';

/** One line of the tree: a phase, or a step of work that is no phase. */
export interface Row {
  name: string;
  label: string;
  depth: number;
  state: RowState;
  /** Text behind a finished row. */
  note: string;
  /** Milliseconds on the renderer's clock. */
  startedAt: number;
  step: boolean;
  /** Whether it was printed for good. */
  printed: boolean;
  progress: Progress | undefined;
}

export interface Look {
  paint: Paint;
  marks: Symbols;
  frame: number;
  width: number;
  nameWidth: number;
  /** Milliseconds on the renderer's clock. */
  now: number;
}

/** Waits shorter than this need no clock, in seconds. */
const QUIET_SECONDS = 2;
const BAR_WIDTH = 20;

/** The rows that are drawn live: what runs, then as many of those to come as fit. */
export function visible(rows: readonly Row[], height: number, look: Look): string[] {
  const open = rows.filter((row) => !row.printed);
  const running = open.filter((row) => row.state === 'running').slice(0, height);
  const pending = open.filter((row) => row.state === 'pending');
  const room = height - running.length;
  const shown = pending.length <= room ? pending : pending.slice(0, Math.max(room - 1, 0));
  const lines = [...running, ...shown].map((row) => rowText(row, look));
  const hidden = pending.length - shown.length;
  if (hidden > 0 && room > 0) lines.push(look.paint('dim', `  ${look.marks.pending} ${hidden} more`));
  return lines;
}

/** One line, no wider than the terminal, without a line break. */
export function rowText(row: Row, look: Look): string {
  const { paint, marks, width, nameWidth } = look;
  const indent = '  '.repeat(row.depth + 1);
  const label = cut(oneLine(row.label), Math.max(width - indent.length - 2, 1));
  const padded = label.padEnd(Math.min(nameWidth - row.depth * 2, width - indent.length - 2));
  const room = width - indent.length - 2 - padded.length - 2;
  const text = (note: string): string => (room > 3 && note !== '' ? `  ${cut(note, room)}` : '');
  switch (row.state) {
    case 'heading':
    case 'pending':
      return indent + paint('dim', `${marks.pending} ${label}`);
    case 'done':
      return `${indent}${paint('green', marks.done)} ${padded}${paint('dim', text(row.note))}`;
    case 'skipped':
      return `${indent}${paint('yellow', marks.skipped)} ${padded}${paint('dim', text(row.note))}`;
    case 'failed':
      return `${indent}${paint('red', marks.failed)} ${padded}${paint('red', text(row.note))}`;
    case 'running': {
      const spinner = marks.spinner[look.frame % marks.spinner.length] ?? '';
      return `${indent}${paint('cyan', spinner)} ${padded}${text(progressText(row, look, room))}`;
    }
  }
}

function progressText({ progress, startedAt, step }: Row, { marks, now }: Look, room: number): string {
  const seconds = (now - startedAt) / 1000;
  const clock = seconds >= QUIET_SECONDS ? duration(seconds) : '';
  if (!progress) return clock;
  const what = step ? '' : oneLine(progress.step);
  const { done, total, unit } = progress;
  if (done === undefined || total === undefined || total <= 0) return join(what, clock);
  const share = done / total;
  const left = remaining(share, seconds);
  const numbers = join(amount(done, total, unit), left === undefined ? '' : `${duration(left)} left`);
  const fits = room >= what.length + BAR_WIDTH + numbers.length + 8;
  return join(what, fits ? bar(share, BAR_WIDTH, marks) : '', `${Math.floor(share * 100)}%`, numbers);
}

const join = (...parts: string[]): string => parts.filter((part) => part !== '').join('  ');
