import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import { writing } from './host-write.ts';

/** Nothing came for so long: the connection counts as dead. */
const IDLE_MS = 60_000;
const RETRIES = 5;

export interface HttpOptions {
  signal?: AbortSignal | undefined;
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds without a byte after which a connection is given up. Default 60 000. */
  idleMs?: number;
  /** How often a failed transfer is taken up again. Default 5. */
  retries?: number;
}

export interface DownloadOptions extends HttpOptions {
  /** The caller checks the content by its hash: what was cut is taken up again even if the server names no version. */
  immutable?: boolean;
  /** Bytes, and how many there will be when the server says so. */
  onProgress?: (done: number, total: number | undefined) => void;
}

/** An answer that another try will not change. */
export class Refused extends EdgeadmError {
  readonly status: number;
  /** What a registry wants before it answers (WWW-Authenticate). */
  readonly challenge: string | undefined;

  constructor(message: string, hint: string, response: Response) {
    super('E_PACKAGE_SOURCE', message, { hint });
    this.status = response.status;
    this.challenge = response.headers.get('www-authenticate') ?? undefined;
  }
}

/** GET of a small text or JSON. Errors: E_PACKAGE_SOURCE. */
export async function fetchBytes(
  url: string,
  options: HttpOptions = {},
): Promise<{ bytes: Buffer; headers: Headers }> {
  return retrying(url, options, async (signal) => {
    const response = await request(url, options.headers ?? {}, signal);
    return { bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
  });
}

/**
 * Downloads to a file, which appears under its name when it is whole. What was cut is taken up where it ended (RFC 9110,
 * 14: Range with If-Range), in this run or a later one. A file that is there is kept if the server says it is the same.
 * Errors: E_PACKAGE_SOURCE, E_HOST_WRITE.
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${path}.part`;
  const tag = `${path}.tag`;
  await writing(path, () => mkdir(dirname(path), { recursive: true }));
  await retrying(url, options, async (signal, alive) => {
    const known = await readFile(tag, 'utf8').catch(() => undefined);
    const whole = await sizeOf(path);
    const have = known === undefined && !options.immutable ? 0 : await sizeOf(part);
    const headers: Record<string, string> = { ...options.headers, 'accept-encoding': 'identity' };
    if (whole !== undefined && known?.startsWith('"')) headers['if-none-match'] = known;
    else if (have)
      Object.assign(headers, { range: `bytes=${have}-`, ...(known !== undefined && { 'if-range': known }) });
    const response = await request(url, headers, signal).catch(async (error) => {
      // 416: what is there is no part of the file. The next try begins anew.
      if (!(error instanceof Refused && error.status === 416)) throw error;
      await rm(part, { force: true });
      throw new Error(error.message);
    });
    if (response.status === 304) return;
    const resumed = response.status === 206 && Boolean(have);
    const start = resumed ? have! : 0;
    const fresh = response.headers.get('etag') ?? response.headers.get('last-modified');
    // A weak tag does not promise equal bytes.
    if (fresh === null || fresh.startsWith('W/')) await rm(tag, { force: true });
    else await writing(tag, () => writeFile(tag, fresh));
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : start + length;
    let done = start;
    const file = await writing(part, () => open(part, resumed ? 'a' : 'w'));
    try {
      // Each piece is written as it comes: when the connection breaks, what came is kept.
      for await (const chunk of response.body ?? []) {
        alive();
        await writing(part, () => file.writeFile(chunk));
        done += chunk.length;
        options.onProgress?.(done, total);
      }
    } finally {
      await file.close();
    }
    if (total !== undefined && done !== total) throw new Error(`${done} of ${total} bytes came`);
    await writing(path, () => rename(part, path));
  });
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function request(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { headers, signal, redirect: 'follow' });
  if (response.ok || response.status === 304) return response;
  await response.body?.cancel();
  const hint =
    response.status === 404
      ? 'Check the address; a mirror must have the same paths as the original.'
      : 'Try again later, or name another source.';
  const message = `cannot get ${url}: HTTP ${response.status} ${response.statusText}`.trimEnd();
  // 408, 425 and 429 and a server's own trouble may pass.
  const passing = response.status >= 500 || [408, 425, 429].includes(response.status);
  if (passing) throw new EdgeadmError('E_PACKAGE_SOURCE', message, { hint });
  throw new Refused(message, hint, response);
}

/** Tries again, with growing pauses, what failed on the way; gives up at once on what the server or this machine refuses. */
async function retrying<T>(
  url: string,
  options: HttpOptions,
  attempt: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  const { default: pRetry, AbortError } = await import('p-retry');
  const retry = {
    retries: options.retries ?? RETRIES,
    minTimeout: 200,
    maxTimeout: 5000,
    ...(options.signal && { signal: options.signal }),
  };
  try {
    return await pRetry(async () => {
      const idle = new AbortController();
      const expire = () => idle.abort(new Error('nothing came for too long'));
      const timer = setTimeout(expire, options.idleMs ?? IDLE_MS);
      const signal = options.signal ? AbortSignal.any([options.signal, idle.signal]) : idle.signal;
      try {
        return await attempt(signal, () => timer.refresh());
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof Refused) throw new AbortError(error);
        if (error instanceof EdgeadmError && error.code === 'E_HOST_WRITE') throw new AbortError(error);
        throw asError(idle.signal.aborted ? idle.signal.reason : error);
      } finally {
        clearTimeout(timer);
      }
    }, retry);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof EdgeadmError) throw error;
    throw new EdgeadmError('E_PACKAGE_SOURCE', `cannot get ${url}: ${reason(error)}`, {
      hint: 'Check the address and the network; what came so far is kept and taken up again.',
      cause: error,
    });
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** fetch() says only "fetch failed"; its cause says why. */
function reason(error: unknown): string {
  const { message, cause } = asError(error);
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message;
}
