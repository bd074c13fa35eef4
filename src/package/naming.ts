import { EdgeadmError } from '../errors.ts';

/** Runs work on a package: what is thrown about its content also names where it was read from. */
export async function naming<T>(location: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof EdgeadmError) || !/^E_PACKAGE_(CORRUPT|HOSTILE)$/.test(thrown.code)) throw thrown;
    const { code, message, hint, details, cause } = thrown;
    const named = message.startsWith(general)
      ? `${general} ${location}${message.slice(general.length)}`
      : `${general} ${location}: ${message}`;
    throw new EdgeadmError(code, named, {
      ...(hint !== undefined && { hint }),
      details: [...details],
      cause,
    });
  }
}

const general = 'the install package';
