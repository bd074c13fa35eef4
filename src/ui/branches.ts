/** A line of a tree of text, with what hangs below it. */
export interface Branch {
  text: string;
  children?: readonly Branch[];
}

/** A finished tree of text: a title, and branches below it. */
export function tree(title: string, branches: readonly Branch[]): string {
  return [title, ...draw(branches, '')].join('\n');
}

function draw(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap(({ text, children = [] }, at) => {
    const last = at === branches.length - 1;
    return [`${indent}${last ? '└─' : '├─'} ${text}`, ...draw(children, `${indent}${last ? '   ' : '│  '}`)];
  });
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly string[][]): string[] {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, at) => Math.max(all[at] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}
