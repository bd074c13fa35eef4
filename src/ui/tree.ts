import type { Event } from '../workflow/events.ts';
import { formatFailure, formatWarning } from './failure.ts';
import { live } from './live.ts';
import { planText } from './plain.ts';
import type { Renderer, RenderOptions } from './renderer.ts';
import { type Row, type RowState, rowText, visible } from './rows.ts';
import { oneLine, type Paint, painter, symbols } from './terminal.ts';
import { duration } from './units.ts';

const FRAME_MS = 80;

/**
 * The live tree of a terminal: finished phases scroll up and stay, below them the running one with its progress and
 * the ones to come. Drawn here and not by a task-list library: such a library runs the tasks itself and wants to know
 * them beforehand, while here the engine runs them and tells what happens as it happens.
 */
export function treeRenderer(options: RenderOptions): Renderer {
  const { stdout, stderr, env, verbosity, now = () => performance.now() } = options;
  const paint: Paint = painter(stderr, env);
  const marks = symbols(env);
  const screen = live(stderr);
  const started = now();
  let rows: Row[] = [];
  let ran = false;
  let failed = false;
  let paused = false;
  let succeeded = false;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const warnings: string[] = [];
  const messages: string[] = [];

  const width = (): number => Math.max(stderr.columns || 80, 20) - 1;
  const look = () => ({ paint, marks, frame, width: width(), now: now(), nameWidth: nameWidth(rows) });

  const lines = (): string[] => (paused ? [] : visible(rows, Math.max((stderr.rows || 24) - 3, 3), look()));
  const draw = (): void => {
    if (!paused) screen.draw(lines());
  };
  const tick = (): void => {
    frame += 1;
    draw();
  };
  const print = (text: string, output = stderr): void => screen.print(text, lines(), output);

  /** Prints a row for good, and before it the headings above it that were not printed yet. */
  const settle = (row: Row, state: RowState, note: string): void => {
    headings(row);
    row.state = state;
    row.note = note;
    row.printed = true;
    print(`${rowText(row, look())}\n`);
  };
  const headings = (row: Row): void => {
    for (const other of rows) {
      if (other === row) return;
      if (other.printed || !row.name.startsWith(`${other.name}/`)) continue;
      other.state = 'heading';
      other.printed = true;
      print(`${rowText(other, look())}\n`);
    }
  };
  const find = (name: string): Row => {
    const row = rows.find((one) => one.name === name && !one.printed);
    if (row) return row;
    const added = newRow(name, rows);
    rows.push(added);
    return added;
  };
  /** Work outside phases is shown by its steps: one that is complete, or followed by another, is done. */
  const settleSteps = (except?: string): void => {
    for (const row of rows) {
      if (!row.step || row.printed || row.label === except) continue;
      if (except !== undefined && row.progress?.total !== undefined) continue;
      settle(row, 'done', duration((now() - row.startedAt) / 1000));
    }
  };
  const progress = (event: Extract<Event, { type: 'progress' }>): void => {
    const running = rows.findLast(({ state, step }) => state === 'running' && !step);
    const phase = event.phase ?? running?.name;
    if (phase !== undefined) {
      find(phase).progress = event;
      return;
    }
    settleSteps(event.step);
    const row = rows.find((one) => one.step && !one.printed && one.label === event.step);
    const target = row ?? { ...newRow(event.step, []), step: true, startedAt: now() };
    if (!row) rows.push(target);
    target.state = 'running';
    target.progress = event;
    if (event.total !== undefined && event.done === event.total) {
      settle(target, 'done', duration((now() - target.startedAt) / 1000));
    }
  };

  const emit = (event: Event): void => {
    timer ??= setInterval(tick, FRAME_MS).unref();
    switch (event.type) {
      case 'run-start':
        settleSteps();
        ran = true;
        rows = [];
        for (const { name } of event.phases) rows.push(newRow(name, rows));
        print(`${paint('bold', `edgeadm ${event.command}`)}\n`);
        break;
      case 'phase-start': {
        const row = find(event.phase);
        row.state = 'running';
        row.startedAt = now();
        break;
      }
      case 'phase-skip':
        settle(find(event.phase), 'skipped', `skipped: ${oneLine(event.reason)}`);
        for (const row of rows) if (row.name.startsWith(`${event.phase}/`)) row.printed = true;
        break;
      case 'phase-done':
        settle(find(event.phase), 'done', event.changed ? duration(event.seconds) : 'nothing to change');
        break;
      case 'phase-fail':
        settle(find(event.phase), 'failed', `${duration(event.seconds)}  ${event.code}`);
        break;
      case 'progress':
        // Comes many times a second; the next frame shows it.
        progress(event);
        return;
      case 'change':
        if (event.planned) print(`${planText(event)}\n`, stdout);
        else if (verbosity >= 1) print(paint('dim', `    ${oneLine(`${event.action} ${event.target}`)}\n`));
        break;
      case 'log':
        if (event.level <= verbosity) {
          const source = event.source === undefined ? '' : `${event.source}: `;
          print(`${paint('dim', `    ${oneLine(source + event.message)}`)}\n`);
        }
        break;
      case 'warning':
        warnings.push(formatWarning(event, paint));
        break;
      case 'message':
        messages.push(event.text);
        break;
      case 'result':
        succeeded = event.ok;
        break;
    }
    draw();
  };

  const finish = (): void => {
    if (timer) clearInterval(timer);
    timer = undefined;
    if (!failed) settleSteps();
    screen.stop();
    for (const text of warnings.splice(0)) stderr.write(text);
  };

  return {
    emit,
    pause() {
      if (timer) clearInterval(timer);
      screen.stop();
      paused = true;
      return () => {
        paused = false;
        timer = undefined;
        draw();
      };
    },
    fail(error) {
      failed = true;
      finish();
      stderr.write(formatFailure(error, paint, verbosity));
    },
    close() {
      finish();
      if (ran && succeeded)
        stderr.write(`${paint('dim', `done in ${duration((now() - started) / 1000)}`)}\n`);
      for (const text of messages.splice(0)) stdout.write(`${text.replace(/\n$/, '')}\n`);
    },
  };
}

function newRow(name: string, above: readonly Row[]): Row {
  const parent = above.findLast((row) => name.startsWith(`${row.name}/`));
  return {
    name,
    label: parent ? name.slice(parent.name.length + 1) : name,
    depth: parent ? parent.depth + 1 : 0,
    state: 'pending',
    note: '',
    startedAt: 0,
    step: false,
    printed: false,
    progress: undefined,
  };
}

/** Columns of the widest label with its indentation, within reason. Steps are not known beforehand. */
function nameWidth(rows: readonly Row[]): number {
  return Math.min(Math.max(8, ...rows.map((row) => (row.step ? 24 : row.depth * 2 + row.label.length))), 34);
}
