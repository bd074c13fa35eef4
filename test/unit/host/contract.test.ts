import { describe, expect, test } from 'vitest';
import type { JournaledHost } from '../../../src/host/host.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { FakeHost } from '../../fakes/host.ts';
import { never, open, temporaryRoot } from './helpers.ts';

/** What phases may rely on holds for the real host and for the fake that their tests use. */
const hosts: Record<string, () => Promise<{ host: JournaledHost; events: Event[] }>> = {
  LocalHost: async () => open(await temporaryRoot()),
  FakeHost: async () => {
    const host = new FakeHost();
    return { host, events: host.events };
  },
};

describe.each(Object.entries(hosts))('%s', (name, make) => {
  test('a second call with the same wish changes nothing', async () => {
    const { host } = await make();
    const calls = [
      () => host.writeFile('/opt/a/file', 'one\n', { mode: 0o600 }),
      () => host.makeDirectory('/opt/b/c'),
      () => host.makeDirectory('/opt/b/c', { mode: 0o700 }),
      () => host.symlink('/opt/a/file', '/opt/link'),
      () => host.editBlock('/opt/hosts', 'nodes', ['10.0.0.1 one']),
      () => host.editBlock('/opt/hosts', 'nodes', []),
      () => host.remove('/opt/link'),
      () => host.remove('/opt/b'),
      () => host.once('work', 'work', async () => {}),
    ];
    for (const [index, call] of calls.entries()) {
      expect([index, await call(), await call()]).toEqual([index, true, false]);
    }
  });

  test('reads see what was written', async () => {
    const { host } = await make();
    await host.writeFile('/opt/a/file', 'one\n', { mode: 0o640 });
    await host.symlink('/opt/a/file', '/opt/a/link');
    expect(await host.readText('/opt/a/file')).toBe('one\n');
    expect(await host.readText('/opt/a/link')).toBe('one\n');
    expect(await host.readText('/opt/a/none')).toBeUndefined();
    expect(await host.stat('/opt/a/file')).toMatchObject({ kind: 'file', mode: 0o640, size: 4 });
    expect(await host.stat('/opt/a/link')).toMatchObject({ kind: 'symlink', target: '/opt/a/file' });
    expect(await host.stat('/opt/a')).toMatchObject({ kind: 'directory' });
    expect(await host.stat('/opt/none')).toBeUndefined();
    expect(await host.list('/opt/a')).toEqual(['file', 'link']);
    expect(await host.list('/opt/none')).toEqual([]);
    await host.writeFile('/opt/a/file', 'two\n');
    expect(await host.stat('/opt/a/file')).toMatchObject({ mode: 0o640 });
  });

  test('blocks leave the rest of a file alone, and a link is followed', async () => {
    const { host } = await make();
    await host.writeFile('/opt/hosts', '127.0.0.1 localhost\n');
    await host.symlink('hosts', '/opt/link');
    await host.editBlock('/opt/link', 'nodes', ['10.0.0.1 one']);
    await host.editBlock('/opt/hosts', 'other', ['10.0.0.2 two']);
    await host.editBlock('/opt/hosts', 'nodes', ['10.0.0.3 three']);
    expect(await host.readText('/opt/hosts')).toBe(
      '127.0.0.1 localhost\n# BEGIN edgeadm nodes\n10.0.0.3 three\n# END edgeadm nodes\n' +
        '# BEGIN edgeadm other\n10.0.0.2 two\n# END edgeadm other\n',
    );
  });

  test('work is remembered by key', async () => {
    const { host } = await make();
    expect(host.state('work')).toBe('absent');
    const failing = host.once('work', 'work', async () => {
      expect(host.state('work')).toBe('started');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(host.state('work')).toBe('started');
    expect(await host.once('work', 'work', async () => {})).toBe(true);
    expect(host.state('work')).toBe('done');
    await host.remember('fact', { a: [1] });
    expect(host.recall('fact')).toEqual({ a: [1] });
    expect(host.recall('none')).toBeUndefined();
  });

  test('commands give their status, output and lines, or E_COMMAND', async () => {
    const { host } = await make();
    if (host instanceof FakeHost) {
      host.reply('sh -c', { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    }
    const lines: string[] = [];
    const command = {
      file: 'sh',
      args: ['-c', 'echo out; echo err >&2; exit 3'],
      onLine: (line: string, stream: string) => lines.push(`${stream} ${line}`),
    };
    expect(await host.query(command, { allowFailure: true })).toEqual({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(lines.sort()).toEqual(['stderr err', 'stdout out']);
    await expect(host.query(command)).rejects.toMatchObject({ code: 'E_COMMAND' });
    await expect(host.run(command, { key: 'k', summary: 's' })).rejects.toMatchObject({ code: 'E_COMMAND' });
    expect(host.state('k')).toBe('started');
  });

  test('undo gives back the first state and runs undo commands, the newest first', async () => {
    const { host, events } = await make();
    await host.editBlock('/opt/hosts', 'nodes', ['10.0.0.1 one']);
    await host.writeFile('/opt/a/file', 'one\n');
    await host.writeFile('/opt/a/file', 'two\n');
    await host.run({ file: 'true' }, { key: 'k', summary: 's', undo: { file: 'true' } });
    events.length = 0;
    expect(await host.undoAll({ signal: never, keep: (key) => key === 'dir:/opt' })).toEqual({
      undone: 4,
      warnings: [],
    });
    const undone = events.flatMap((event) => (event.type === 'change' ? [event.target] : []));
    expect(undone).toEqual(['work:k', 'file:/opt/a/file', 'dir:/opt/a', 'block:/opt/hosts#nodes']);
    expect(await host.list('/opt')).toEqual([]);
    expect(host.state('k')).toBe('absent');
    expect(await host.undoAll({ signal: never })).toMatchObject({ undone: 1 });
  });

  test('changes that stand or fall together are undone when one fails, and earlier ones are not', async () => {
    const { host } = await make();
    await host.writeFile('/opt/a/file', 'one\n');
    const together = host.allOrNothing(async () => {
      await host.writeFile('/opt/a/file', 'two\n');
      await host.writeFile('/opt/b/file', 'new\n');
      await host.once('work', 'work', async () => Promise.reject(new Error('no')));
    });
    await expect(together).rejects.toThrow('no');
    expect(await host.list('/opt')).toEqual(['a']);
    expect(host.state('work')).toBe('absent');
    expect(await host.allOrNothing(() => host.writeFile('/opt/b/file', 'new\n'))).toBe(true);
    expect(await host.list('/opt')).toEqual(['a', 'b']);
  });

  test('paths that are in the way are an error', async () => {
    const { host } = await make();
    await host.writeFile('/opt/file', 'x');
    if (name === 'FakeHost') return;
    await expect(host.makeDirectory('/opt/file/below')).rejects.toMatchObject({ code: 'E_HOST_WRITE' });
    await host.makeDirectory('/opt/directory');
    await expect(host.writeFile('/opt/directory', 'x')).rejects.toMatchObject({ code: 'E_HOST_WRITE' });
  });
});
