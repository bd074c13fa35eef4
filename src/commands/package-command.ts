import type { FlagValues } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import { textFlag } from './flags.ts';
import type { PackageBuildOptions, PackageVerifyOptions } from './package.ts';
import type { CommandSpec } from './spec.ts';

const own = { group: 'edgeadm' } as const;
const load = () => import('./package.ts');

const publicKeyFlag = textFlag(
  'public-key',
  'file',
  'PEM file of the Ed25519 key that must have signed it',
  own,
);
const packageArgument = { name: '<package>', description: 'install package: file, folder or URL' };

export const packageCommand: CommandSpec = {
  name: 'package',
  short: 'Build, verify and inspect install packages',
  long: 'An install package is one file with all that a node needs: programs, CNI plugins, container images and edgeadm itself, for one version of Kubernetes and one architecture. A node with no network at all installs from it.',
  examples: ['edgeadm package build', 'edgeadm package verify edgeadm-v1.36.3-linux-amd64.tar.zst'].join(
    '\n',
  ),
  commands: [
    {
      name: 'build',
      short: 'Build an install package',
      long: "Builds an install package from the components' Go modules, checked by the checksum database, or from their published releases. The same inputs give the same bytes.",
      examples: [
        'edgeadm package build --kubernetes-version v1.36.3 --output edgeadm.tar.zst',
        '# From published binaries, for another architecture, signed',
        'edgeadm package build --source release --arch arm64 --sign-key key.pem',
      ].join('\n'),
      flags: [
        textFlag(
          'kubernetes-version',
          'version',
          'version or minor, v1.36.3 or v1.36 (default: the newest minor)',
          own,
        ),
        textFlag('source', 'gomod|release', 'where the components come from', { ...own, default: 'gomod' }),
        textFlag('arch', 'amd64|arm64', 'architecture of the nodes (default: that of this machine)', own),
        textFlag(
          'config',
          'file',
          'configuration of the cluster that it is for: image repository, version',
          own,
        ),
        textFlag(
          'output',
          'file',
          'file to write (default: one in the cache folder; its path is printed)',
          own,
        ),
        textFlag('sign-key', 'file', 'PEM file of the Ed25519 key to sign it with', own),
        textFlag(
          'mirror',
          'URL',
          'with --source release: base URL of a mirror, or HOST=URL for one host; may be repeated',
          {
            ...own,
            value: 'strings',
          },
        ),
        textFlag(
          'registry',
          'host[:port][/path]',
          'with --source release: registry of all images, or FROM=TO for one; may be repeated',
          { ...own, value: 'strings' },
        ),
      ],
      async run({ flags, emit, signal }) {
        choice(flags, 'source', ['gomod', 'release']);
        choice(flags, 'arch', ['amd64', 'arm64']);
        const { text, ...data } = await (await load()).packageBuild(flags as PackageBuildOptions, {
          emit,
          signal,
        });
        return { text, data };
      },
    },
    {
      name: 'verify',
      short: 'Verify that an install package is whole, signed and complete',
      examples: 'edgeadm package verify edgeadm.tar.zst --public-key key.pub --config cluster.yaml',
      arguments: [packageArgument],
      flags: [
        publicKeyFlag,
        textFlag(
          'config',
          'file',
          'configuration of the cluster that it must suffice for (default: all defaults)',
          own,
        ),
        textFlag('kubernetes-version', 'version', 'version that it must be of', own),
        textFlag('arch', 'amd64|arm64', "architecture that it must be for (default: the package's own)", own),
      ],
      async run({ args, flags, emit, signal }) {
        choice(flags, 'arch', ['amd64', 'arm64']);
        const options = flags as PackageVerifyOptions;
        const { text, ...data } = await (await load()).packageVerify(args[0] ?? '', options, {
          emit,
          signal,
        });
        return { text, data };
      },
    },
    {
      name: 'inspect',
      short: 'Say what is in an install package',
      examples: 'edgeadm package inspect edgeadm.tar.zst',
      arguments: [packageArgument],
      async run({ args, emit, signal }) {
        const { text, ...data } = await (await load()).packageInspect(args[0] ?? '', { emit, signal });
        return { text, data };
      },
    },
  ],
};

/** Errors: E_USAGE when the value of a flag is none of these. */
function choice(flags: FlagValues, name: string, values: readonly string[]): void {
  const value = flags[name];
  if (value === undefined || values.includes(String(value))) return;
  throw new EdgeadmError('E_USAGE', `invalid argument ${JSON.stringify(value)} for "--${name}"`, {
    hint: `Use ${values.join(' or ')}.`,
  });
}
