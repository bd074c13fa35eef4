import { dirname } from 'node:path/posix';
import { EdgeadmError } from '../errors.ts';
import type { Provider } from './provider.ts';

/** Writes a file in a node, readable by root alone; its folder is made. */
export async function writeNodeFile(
  provider: Provider,
  node: string,
  path: string,
  content: string,
  { signal, secrets }: { signal?: AbortSignal; secrets?: readonly string[] } = {},
): Promise<void> {
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
