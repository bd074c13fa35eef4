import { EdgeadmError } from '../../errors.ts';
import type { CommandSpec } from '../spec.ts';
import type { CommandTree } from './nodes.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const howTo: Record<Shell, string> = {
  bash: 'source <(edgeadm completion bash)',
  zsh: 'source <(edgeadm completion zsh)',
  fish: 'edgeadm completion fish | source',
};

/** The command, for the tree that it completes. */
export const completionCommand = (tree: CommandTree): CommandSpec => ({
  name: 'completion',
  short: 'Print the completion script of a shell',
  long: 'Prints a script that completes commands, phases and flags. It needs no other package.',
  examples: [
    '# In this shell',
    howTo.bash,
    '# In every shell',
    'edgeadm completion bash > /etc/bash_completion.d/edgeadm',
    'edgeadm completion zsh > /usr/share/zsh/site-functions/_edgeadm',
    'edgeadm completion fish > ~/.config/fish/completions/edgeadm.fish',
  ].join('\n'),
  arguments: [{ name: '<shell>', description: `shell to complete for: ${shells.join(', ')}` }],
  async run({ args }) {
    const shell = shells.find((one) => one === args[0]);
    if (!shell) {
      throw new EdgeadmError('E_USAGE', `no completion for the shell "${args[0]}"`, {
        hint: `Use ${shells.join(', ')}.`,
      });
    }
    return { text: await completionScript(shell, tree) };
  },
});

async function completionScript(shell: Shell, tree: CommandTree): Promise<string> {
  const { collectNodes } = await import('./nodes.ts');
  const nodes = await collectNodes(tree);
  switch (shell) {
    case 'bash':
      return (await import('./bash.ts')).bashScript(nodes);
    case 'zsh':
      return (await import('./zsh.ts')).zshScript(nodes);
    case 'fish':
      return (await import('./fish.ts')).fishScript(nodes);
  }
}
