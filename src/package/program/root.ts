import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder that holds `manifests/` of the running program: the checkout, or the folder of the bundled program,
 * in which source files have other depths.
 */
export function programRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'manifests', 'catalogue'))) {
    const parent = dirname(directory);
    if (parent === directory)
      throw new Error(`no manifests/catalogue above ${fileURLToPath(import.meta.url)}`);
    directory = parent;
  }
  return directory;
}
