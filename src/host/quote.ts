const plain = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/;

/** One word as a POSIX shell reads it back unchanged. For messages that a user pastes, and for SSH, where a command is a shell string. */
export function quote(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A program and its arguments as one line that can be pasted into a shell. */
export function quoteCommand(file: string, args: readonly string[] = []): string {
  // A first word with `=` would be read as an assignment.
  const program = file.includes('=') ? `'${file.replaceAll("'", `'\\''`)}'` : quote(file);
  return [program, ...args.map(quote)].join(' ');
}

/** Replaces each secret by `***`, the longest first, so that none shows through a shorter one that is part of it. */
export function mask(text: string, secrets: readonly string[] = []): string {
  return [...secrets]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}
