/** A text with a block of lines between two marker lines taken apart. */
interface Found {
  before: string;
  lines: string[];
  after: string;
}

/** Lines of the block, or undefined when the text has none. */
export function blockOf(text: string, marker: string): string[] | undefined {
  return find(text, marker)?.lines;
}

/** The text with the block replaced, appended, or (undefined) removed; all else stays byte for byte. */
export function withBlock(text: string, marker: string, lines: readonly string[] | undefined): string {
  const found = find(text, marker);
  const block = lines === undefined ? '' : `${[begin(marker), ...lines, end(marker)].join('\n')}\n`;
  if (found) return found.before + block + found.after;
  if (block === '') return text;
  return text === '' || text.endsWith('\n') ? text + block : `${text}\n${block}`;
}

/** True when the block stands at the very end of the text. */
export function blockIsLast(text: string, marker: string): boolean {
  return find(text, marker)?.after === '';
}

function begin(marker: string): string {
  return `# BEGIN edgeadm ${marker}`;
}

function end(marker: string): string {
  return `# END edgeadm ${marker}`;
}

function find(text: string, marker: string): Found | undefined {
  const lines = text.split(/(?<=\n)/);
  const first = lines.findIndex((line) => line.trimEnd() === begin(marker));
  if (first === -1) return undefined;
  const last = lines.findIndex((line, index) => index > first && line.trimEnd() === end(marker));
  // An end marker that somebody deleted: only the begin line is surely ours.
  const stop = last === -1 ? first : last;
  return {
    before: lines.slice(0, first).join(''),
    lines: lines.slice(first + 1, stop).map((line) => line.replace(/\r?\n$/, '')),
    after: lines.slice(stop + 1).join(''),
  };
}
