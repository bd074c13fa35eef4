import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { EdgeadmError } from '../errors.ts';
import type { Provider } from './provider.ts';

/** Writes a file in a node, readable by root alone; its folder is made. What lies on the node's disk needs no process there. */
export async function writeNodeFile(
  provider: Provider,
  node: string,
  path: string,
  content: string,
  { signal, secrets }: { signal?: AbortSignal; secrets?: readonly string[] } = {},
): Promise<void> {
  const disk = path.startsWith('/var/') ? await provider.diskOf(node) : undefined;
  if (disk !== undefined) {
    const at = join(disk, path.slice('/var/'.length));
    await mkdir(dirname(at), { recursive: true, mode: 0o700 });
    await writeFile(at, content, { mode: 0o600 });
    return;
  }
  const script = 'umask 077 && mkdir -p "$2" && cat > "$1"';
  await provider.exec(node, ['sh', '-c', script, 'sh', path, dirname(path)], {
    input: content,
    ...(signal && { signal }),
    ...(secrets && { secrets }),
  });
}

/** Errors: E_PLAYGROUND when there is no such file. */
export async function readNodeFile(
  provider: Provider,
  node: string,
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  const { exitCode, stdout } = await provider.exec(node, ['cat', path], {
    allowFailure: true,
    ...(signal && { signal }),
  });
  if (exitCode === 0) return stdout;
  throw new EdgeadmError('E_PLAYGROUND', `node ${node} has no file ${path}`, {
    host: node,
    hint: 'Is the cluster up? A playground made with --bare has none before `edgeadm init` ran there.',
  });
}
