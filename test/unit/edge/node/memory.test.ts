import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { liteApiserverNodeFlags, liteApiserverNodeOptions } from '../../../../phases/node/lite-apiserver.ts';

const run = (args: string[], env: Record<string, string> = {}): string =>
  execFileSync(process.execPath, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });

describe('what keeps the process of an edge node small', () => {
  it('is taken by this Node.js, which is the one that is shipped', () => {
    const env = { NODE_OPTIONS: liteApiserverNodeOptions };
    expect(run([...liteApiserverNodeFlags.split(' '), '--eval', 'console.log("starts")'], env)).toBe(
      'starts\n',
    );
    expect(() => run(['--no-such-flag', '--eval', ''])).toThrow();
  });

  it('is that it does not load undici, as an import of node:http does', () => {
    const entry = join(import.meta.dirname, '../../../../src/edge/node/run.ts');
    const script = `await import(${JSON.stringify(entry)});
      console.log(process.moduleLoadList.filter((name) => name.includes('undici')).length)`;
    expect(run(['--input-type=module', '--eval', script]).trim()).toBe('0');
    const reads = run([
      '--input-type=module',
      '--eval',
      script.replace('await', 'await import("node:http");await'),
    ]);
    expect(Number(reads)).toBeGreaterThan(0);
  });
});
