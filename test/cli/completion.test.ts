import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { collectNodes } from '../../src/commands/completion/nodes.ts';
import { commands, program } from '../../src/commands/root.ts';
import { run, temporaryFolder } from './harness.ts';

// Starts other programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const script = async (shell: string): Promise<string> => {
  const { code, stdout } = await run(['completion', shell]);
  expect(code).toBe(0);
  return stdout;
};

describe('bash', () => {
  let bash: string;
  beforeAll(async () => {
    bash = await script('bash');
  });

  /** What bash offers for a line whose words are these, the last one being typed. */
  const complete = async (...words: string[]): Promise<string[]> => {
    const folder = await temporaryFolder();
    const file = join(folder, 'edgeadm.bash');
    await writeFile(file, bash);
    await writeFile(join(folder, 'some-file.tar'), '');
    const program =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's, not ours
      'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _edgeadm; printf "%s\\n" "${COMPREPLY[@]}"';
    const output = execFileSync('bash', ['--norc', '-u', '-c', program, 'bash', file, 'edgeadm', ...words], {
      encoding: 'utf8',
      cwd: folder,
    });
    return output.split('\n').filter((line) => line !== '');
  };

  test('parses', () => {
    execFileSync('bash', ['-n'], { input: bash });
  });

  test.each([
    [['in'], ['init']],
    [['init', 'phase', 'ce'], ['certs']],
    [
      ['init', 'phase', 'certs', 'api'],
      ['apiserver', 'apiserver-kubelet-client', 'apiserver-etcd-client'],
    ],
    [['init', 'phase', 'certs', 'al'], ['all']],
    [['join', 'phase', 'control-plane-prepare', 'down'], ['download-certs']],
    [['reset', '--f'], ['--force']],
    [['init', '--dry-run', '--pod-n'], ['--pod-network-cidr=']],
    [['init', '--node-name', 'phase', '--ignore-pre'], ['--ignore-preflight-errors=']],
    [['init', '--node-name', '=', 'x', 'ph'], ['phase']],
    [['init', '-o', 'js'], ['json']],
    [['init', '--output', '=', 'js'], ['json']],
    [
      ['init', '--output', '='],
      ['tree', 'plain', 'json'],
    ],
    [
      ['version', '-o', ''],
      ['json', 'short', 'yaml'],
    ],
    [['init', '--skip-phases', 'certs/c'], ['certs/ca']],
    [
      ['completion', 'somewhere', ''],
      ['edgeadm.bash', 'some-file.tar'],
    ],
    [['init', '--install-pkg-path', 'some'], ['some-file.tar']],
    [['playground', 'exec', 'n', '--', 'in'], []],
  ])('%j offers %j', async (words, offered) => {
    expect((await complete(...words)).sort()).toEqual(offered.toSorted());
  });

  test('every command is offered', async () => {
    for (const { path, children } of await collectNodes({ program, commands })) {
      expect(bash).toContain(
        `    '${path.join(' ')}')\n      commands='${children.map(({ name }) => name).join(' ')}'`,
      );
    }
    expect(await complete('')).toEqual(
      expect.arrayContaining(['init', 'join', 'reset', 'playground', 'help']),
    );
  });
});

test.each(['zsh', 'fish'])('%s knows commands, phases and flags with their descriptions', async (shell) => {
  const text = await script(shell);
  for (const word of [
    'apiserver-kubelet-client',
    'pod-network-cidr',
    'container-runtime',
    'check-expiration',
  ]) {
    expect(text).toContain(word);
  }
  expect(text).toMatch(shell === 'zsh' ? /^#compdef edgeadm\n/ : /^complete -c edgeadm /m);
});
