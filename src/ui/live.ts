import type { Output } from './terminal.ts';

const ESC = '\u001b[';

/** The lines at the bottom of a terminal that are redrawn in place; what is printed above them stays. */
export interface Live {
  /** Replaces the live lines. Each must be narrower than the terminal, since a wrapped line cannot be taken back. */
  draw(lines: readonly string[]): void;
  /** Prints text that stays, to this output or to another one of the same terminal, and below it the live lines. */
  print(text: string, lines: readonly string[], output?: Output): void;
  /** Takes the live lines away and shows the cursor again. */
  stop(): void;
}

export function live(output: Output): Live {
  let shown: readonly string[] = [];
  let hidden = false;

  const erase = (): string => (shown.length === 0 ? '' : `${ESC}${shown.length}A${ESC}0J`);
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

  const stop = (): void => {
    if (!hidden) return;
    output.write(`${erase()}${ESC}?25h`);
    shown = [];
    hidden = false;
    process.off('exit', stop);
  };

  return {
    draw(lines) {
      if (lines.length === 0 && shown.length === 0) return;
      const hide = hidden ? '' : `${ESC}?25l`;
      // A defect that ends the process must not leave a terminal without a cursor.
      if (!hidden) process.once('exit', stop);
      hidden = true;
      output.write(hide + erase() + text(lines));
      shown = lines;
    },
    print(printed, lines, target = output) {
      const before = erase();
      shown = hidden ? lines : [];
      if (target === output) output.write(before + printed + text(shown));
      else {
        if (before !== '') output.write(before);
        target.write(printed);
        if (shown.length > 0) output.write(text(shown));
      }
    },
    stop,
  };
}
