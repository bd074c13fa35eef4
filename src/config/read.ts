import { open } from 'node:fs/promises';
import { EdgeadmError } from '../errors.ts';
import { type ConfigText, configLimit, tooLarge } from './yaml.ts';

/**
 * Reads a configuration file; never more than 1 MiB of it, whatever it is.
 * Errors: E_CONFIG_INVALID when it cannot be read, E_CONFIG_YAML when it is too large or not text.
 */
export async function readConfigFile(path: string): Promise<ConfigText> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await readUpTo(file, configLimit + 1);
    if (bytesRead > configLimit) throw tooLarge(path);
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead)), path };
  } catch (thrown) {
    if (thrown instanceof EdgeadmError) throw thrown;
    if (thrown instanceof TypeError) {
      throw new EdgeadmError('E_CONFIG_YAML', `${path}: the file is not UTF-8 text`, {
        hint: 'Give the YAML file itself, not an archive or a package.',
      });
    }
    const { code } = thrown as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : `cannot be read (${code})`;
    throw new EdgeadmError('E_CONFIG_INVALID', `--config: ${path} ${reason}`, {
      hint: 'Give the path of a YAML file that you may read.',
      cause: thrown,
    });
  }
}

async function readUpTo(file: Awaited<ReturnType<typeof open>>, limit: number) {
  const buffer = Buffer.alloc(limit);
  let bytesRead = 0;
  while (bytesRead < limit) {
    const part = await file.read(buffer, bytesRead, limit - bytesRead);
    if (part.bytesRead === 0) break;
    bytesRead += part.bytesRead;
  }
  return { buffer, bytesRead };
}
