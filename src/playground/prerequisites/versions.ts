import semver from 'semver';
import type { Check } from './types.ts';

const leastPodman = '4.0.0';
const leastGo = '1.26.0';

export const podmanCheck: Check = {
  name: 'podman',
  async find(machine) {
    if (machine.uid !== 0 || (await machine.find('podman')) === undefined) return undefined;
    const asked = await machine.run(
      { file: 'podman', args: ['info', '--format', '{{.Version.Version}}'] },
      { allowFailure: true },
    );
    if (asked.exitCode !== 0) {
      return {
        problem: `podman does not work here: ${asked.stderr.trim().split('\n').at(-1) ?? ''}`,
        fix: 'See `podman info`; the message is its own.',
      };
    }
    const version = semver.coerce(asked.stdout);
    if (version && semver.gte(version, leastPodman)) return undefined;
    return {
      problem: `podman is ${asked.stdout.trim()}; ${leastPodman} or newer is needed`,
      fix: 'Upgrade podman; Debian 12 has 4.3.',
    };
  },
};

/** Debian's own Go is older, so it is not installed but asked for. */
export const goCheck: Check = {
  name: 'go',
  async find(machine, needs) {
    if (!needs.buildPackage) return undefined;
    const fix = `Install Go ${semver.major(leastGo)}.${semver.minor(leastGo)} or newer (https://go.dev/dl) and put it in PATH, or give a finished package with --package FILE.`;
    if ((await machine.find('go')) === undefined) {
      return { problem: 'Go is not installed; the install package is built with it', fix };
    }
    const { stdout } = await machine.run({ file: 'go', args: ['env', 'GOVERSION'] }, { allowFailure: true });
    const version = semver.coerce(stdout);
    if (version && semver.gte(version, leastGo)) return undefined;
    return {
      problem: `Go is ${stdout.trim() || 'of an unknown version'}; the install package needs a newer one`,
      fix,
    };
  },
};
