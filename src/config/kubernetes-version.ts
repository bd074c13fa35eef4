import semver from 'semver';
import { EdgeadmError } from '../errors.ts';

/** Minors that edgeadm can install, oldest first. Each has a schema below src/config/schema. */
export const supportedMinors = ['1.34', '1.35', '1.36'] as const;

/** The version a user asks for: one exact version, or a label that leaves it open (`stable-1`, `stable-1.36`). */
export type VersionWish = { exact: string; minor: string } | { label: string; minor: string | undefined };

/** Reads `v1.36.3`, `1.36.3` or a label as kubeadm knows them; undefined when it is neither. */
export function parseVersion(text: string): VersionWish | undefined {
  const label = /^(?:ci\/)?(?:k8s-)?(?:stable|latest)(?:-1)?(?:\.(\d+))?$/.exec(text);
  if (label) return { label: text, minor: label[1] === undefined ? undefined : `1.${label[1]}` };
  const version = /^v?\d+\.\d+\.\d+/.test(text) ? semver.parse(text.replace(/^v/, '')) : null;
  return version ? { exact: `v${version.version}`, minor: `${version.major}.${version.minor}` } : undefined;
}

/** `v1.36.3` → `1.36`. */
export function minorOf(version: string): string {
  const parsed = semver.coerce(version);
  return parsed ? `${parsed.major}.${parsed.minor}` : version;
}

/** Why a wish cannot be met, or undefined. Goes on from the value: `"v1.20.0" …`. */
export function versionFault(text: string): { reason: string; hint: string } | undefined {
  const wish = parseVersion(text);
  const hint = `Kubernetes ${supportedMinors[0]} to ${supportedMinors.at(-1)} can be installed: e.g. v${supportedMinors.at(-1)}.0.`;
  if (!wish) return { reason: 'is not a Kubernetes version', hint };
  if (wish.minor !== undefined && !supportedMinors.some((minor) => minor === wish.minor)) {
    return { reason: `is outside the versions that edgeadm installs (${supportedMinors.join(', ')})`, hint };
  }
  return undefined;
}

/**
 * The version that init installs, given what the user asked for and what the package holds. Without a package the
 * exact wish, or undefined when it is open. Errors: E_PACKAGE_MISMATCH when the package holds another version.
 */
export function chooseVersion(
  wished: string | undefined,
  packageVersion: string | undefined,
): string | undefined {
  const wish = wished === undefined ? undefined : parseVersion(wished);
  const exact = wish && 'exact' in wish ? wish.exact : undefined;
  if (packageVersion === undefined) return exact;
  const held = parseVersion(packageVersion);
  const heldExact = held && 'exact' in held ? held.exact : packageVersion;
  if (
    (exact !== undefined && exact !== heldExact) ||
    (wish?.minor !== undefined && wish.minor !== minorOf(heldExact))
  ) {
    throw new EdgeadmError(
      'E_PACKAGE_MISMATCH',
      `the install package holds Kubernetes ${heldExact}, not ${wished}`,
      {
        hint: `Give a package of that version with --install-pkg-path, or ask for ${heldExact} with --kubernetes-version.`,
      },
    );
  }
  return heldExact;
}
