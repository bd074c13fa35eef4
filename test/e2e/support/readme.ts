import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');

/** The `sh` blocks below one heading of README.md, each as its commands; lines that end in `\` are joined. */
export const readmeBlocks = (heading: string): Promise<string[][]> =>
  pageBlocks('README.md', `## ${heading}`);

/** The same of a page, by a heading with its `#`s, up to the next heading of any level that is as high. */
export async function pageBlocks(page: string, heading: string): Promise<string[][]> {
  const text = await readFile(join(root, page), 'utf8');
  const level = /^#+/.exec(heading)![0].length;
  const parts = text.split(new RegExp(`^(?=#{1,${level}} )`, 'm'));
  const section = parts.find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) =>
    block!
      .replace(/\\\n\s*/g, '')
      .trim()
      .split('\n'),
  );
}
