import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';

/** Runs code in a network namespace of its own, where root may make links and nobody sees them. */
async function inNamespace(code: string): Promise<string> {
  const source = join(import.meta.dirname, '../../../../src/edge/node/edge-link.ts');
  const script = `import { ensureEdgeLink, keepEdgeLink } from ${JSON.stringify(source)};\nimport { execFileSync } from 'node:child_process';\nconst ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });\n${code}`;
  const { stdout } = await execa('unshare', [
    '--net',
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
  ]);
  return stdout;
}

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)(
  'on a real kernel the addresses answer, and come back when the link is deleted',
  async () => {
    const out = await inNamespace(`
    ip('link', 'set', 'dev', 'lo', 'up');
    const link = { name: 'edgeadm0', addresses: ['169.254.20.11', '10.96.0.1'] };
    const stop = new AbortController();
    const told = [];
    const { ended } = await keepEdgeLink(link, {
      signal: stop.signal, intervalMs: 20, log: (text) => told.push(text), warn: (text) => told.push(text),
    });
    const { createServer, connect } = await import('node:net');
    const answers = (host) => new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.end('yes')).listen(5000, host, () =>
        connect(5000, host).on('data', (data) => { server.close(); resolve(String(data)); }).on('error', reject));
      server.on('error', reject);
    });
    const first = [await answers('169.254.20.11'), await answers('10.96.0.1')];
    ip('link', 'delete', 'dev', 'edgeadm0');
    const end = Date.now() + 10_000;
    const shown = () => { try { return ip('-o', 'address', 'show', 'dev', 'edgeadm0'); } catch { return ''; } };
    while (!shown().includes('10.96.0.1/32') && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    const again = await answers('10.96.0.1');
    await ensureEdgeLink(link);
    ip('link', 'set', 'dev', 'edgeadm0', 'down');
    while (!/169.254.20.11/.test(ip('route', 'show', 'table', 'local')) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await ended;
    console.log(JSON.stringify({ first, again, told, shown: shown() }));
  `);
    const { first, again, told, shown } = JSON.parse(out);
    expect(first).toEqual(['yes', 'yes']);
    expect(again).toBe('yes');
    expect(shown).toContain('169.254.20.11/32');
    expect(told[0]).toBe('169.254.20.11, 10.96.0.1 on link edgeadm0');
    expect(told.length).toBeGreaterThanOrEqual(2);
  },
  60_000,
);
