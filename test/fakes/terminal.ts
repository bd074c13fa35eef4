import type { Output } from '../../src/ui/terminal.ts';

/** An output that keeps what was written. */
export interface Recorder extends Output {
  text(): string;
  lines(): string[];
}

export function recorder(shape: { isTTY?: boolean; columns?: number; rows?: number } = {}): Recorder {
  let written = '';
  return {
    ...shape,
    write(text) {
      written += text;
      return true;
    },
    text: () => written,
    lines: () => written.split('\n').slice(0, -1),
  };
}

/**
 * A terminal as far as the live tree needs one: lines, cursor up (CSI n A), erase below (CSI 0 J), hide and show the
 * cursor. Colours are dropped. Text wider than the terminal is a failure, since the tree must never wrap.
 */
export class FakeTerminal implements Output {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  cursorHidden = false;
  #lines: string[] = [''];
  #row = 0;

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal reads
    for (const token of text.match(/\u001b\[[?\d;]*[A-Za-z]|\n|[^\u001b\n]+/g) ?? []) this.#take(token);
    return true;
  }

  #take(token: string): void {
    if (token === '\n') {
      this.#row += 1;
      this.#lines[this.#row] ??= '';
    } else if (!token.startsWith('\u001b')) {
      const line = this.#lines[this.#row] + token;
      if (line.length > this.columns) throw new Error(`wider than the terminal: ${JSON.stringify(line)}`);
      this.#lines[this.#row] = line;
    } else if (token.endsWith('A')) {
      this.#row -= Number(token.slice(2, -1));
      if (this.#row < 0) throw new Error('cursor above the first line');
    } else if (token === '\u001b[0J') {
      this.#lines = [...this.#lines.slice(0, this.#row), ''];
    } else if (token === '\u001b[?25l') this.cursorHidden = true;
    else if (token === '\u001b[?25h') this.cursorHidden = false;
    else if (!token.endsWith('m')) throw new Error(`not known to this terminal: ${JSON.stringify(token)}`);
  }

  /** What stands on it now, without trailing blanks. */
  screen(): string[] {
    return this.#lines
      .map((line) => line.trimEnd())
      .filter((line, at, all) => line !== '' || at < all.length - 1);
  }
}
