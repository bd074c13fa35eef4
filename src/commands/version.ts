import { EdgeadmError } from '../errors.ts';
import { programVersion } from './program-version.ts';
import type { CommandSpec } from './spec.ts';

export const versionCommand: CommandSpec = {
  name: 'version',
  short: 'Print the version of edgeadm',
  examples: ['edgeadm version', 'edgeadm version -o json'].join('\n'),
  flags: [
    {
      name: 'output',
      short: 'o',
      value: 'string',
      argName: 'short|json|yaml',
      description: 'form of the output (default: one line for people)',
      group: 'kubeadm',
      withConfig: true,
    },
  ],
  async run({ flags }) {
    return { text: await versionText(flags.output as string | undefined) };
  },
};

/** The version in a form; fields as `kubeadm version -o json` has them. Errors: E_USAGE for another form. */
export async function versionText(format: string | undefined): Promise<string> {
  const gitVersion = `v${programVersion}`;
  const [major = '', minor = ''] = programVersion.split('.');
  const platform = `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const info = { clientVersion: { major, minor, gitVersion, nodeVersion: process.version, platform } };
  switch (format) {
    case undefined:
      return `edgeadm version: ${gitVersion} (Node.js ${process.version}, ${platform})`;
    case 'short':
      return gitVersion;
    case 'json':
      return JSON.stringify(info, null, 2);
    case 'yaml':
      return (await import('js-yaml')).dump(info).trimEnd();
    default:
      throw new EdgeadmError('E_USAGE', `invalid argument ${JSON.stringify(format)} for "--output"`, {
        hint: 'Use short, json or yaml.',
      });
  }
}
