import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { playgroundLoad } from '../../../src/commands/playground.ts';
import { readSegments } from '../../../src/package/archive/segments.ts';
import { tarSegments } from '../../../src/package/archive/tar.ts';
import { hostArch } from '../../../src/package/build.ts';
import { hashFile } from '../../../src/package/hash.ts';
import { composeImage } from '../../../src/package/oci/image.ts';
import { programLayer } from '../../../src/package/oci/layer.ts';
import { layoutFiles } from '../../../src/package/oci/layout.ts';
import type { TestPlayground } from './playground.ts';

/** What `loadTestServer` puts on all nodes: the program of `server/main.go` and nothing else. */
export const testServerImage = 'localhost/testserver:v1';

/** Builds server/main.go (seconds, then nothing) and gives its image to all nodes. */
export async function loadTestServer(playground: TestPlayground): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-testserver-'));
  try {
    const program = join(folder, 'testserver');
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];
    await execa('go', ['build', ...flags, '-o', program, 'main.go'], {
      cwd: join(import.meta.dirname, 'server'),
      env: { CGO_ENABLED: '0', GOWORK: 'off' },
    });
    const archive = join(folder, 'image.tar');
    await writeImage(program, archive);
    await playgroundLoad(
      archive,
      { name: playground.name },
      { emit() {}, signal: AbortSignal.timeout(120_000) },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeImage(program: string, archive: string): Promise<void> {
  const arch = hostArch();
  const layer = await programLayer({ '/testserver': await hashFile(program) });
  const image = composeImage(testServerImage, [layer], { arch, entrypoint: ['/testserver'], labels: {} });
  const entries = layoutFiles([image], arch).map(({ path, content }) => ({
    path,
    content,
    type: 'file' as const,
    mode: 0o644,
  }));
  const file = await open(archive, 'w');
  try {
    for await (const chunk of readSegments(tarSegments(entries))) await file.write(chunk);
  } finally {
    await file.close();
  }
}
