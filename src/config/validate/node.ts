import { getField, isFields, isSet, textAt, textsAt } from '../fields.ts';
import { parseGoDuration } from '../goduration.ts';
import type { Problems, Report } from '../problems.ts';
import type { KubeDocument } from '../types.ts';
import { checkArguments } from './cluster.ts';
import { checkNodeName, checkOneOf, checkSocket, checkToken } from './values.ts';

/** Faults of `nodeRegistration` in an Init- or JoinConfiguration, and of the name that the node will have. */
export function validateNode(node: KubeDocument, nodeName: string, problems: Problems): void {
  const report = problems.of(node.kind);
  const fromHost = textAt(node, 'nodeRegistration.name') === undefined;
  if (fromHost) checkNodeName(problems.of('machine'), 'host name', nodeName, true);
  else checkNodeName(report, 'nodeRegistration.name', nodeName, false);
  checkSocket(report, 'nodeRegistration.criSocket', textAt(node, 'nodeRegistration.criSocket'));
  checkArguments(
    report,
    'nodeRegistration.kubeletExtraArgs',
    getField(node, 'nodeRegistration.kubeletExtraArgs'),
  );
  const policy = textAt(node, 'nodeRegistration.imagePullPolicy');
  checkOneOf(report, 'nodeRegistration.imagePullPolicy', policy, ['Always', 'IfNotPresent', 'Never']);
  const taints = getField(node, 'nodeRegistration.taints');
  for (const [index, taint] of (Array.isArray(taints) ? taints : []).entries()) {
    const path = `nodeRegistration.taints[${index}]`;
    if (textAt(taint, 'key') === undefined)
      report(path, 'has no key', { hint: 'Write key, effect and, at will, value.' });
    checkOneOf(report, `${path}.effect`, textAt(taint, 'effect') ?? '', [
      'NoSchedule',
      'PreferNoSchedule',
      'NoExecute',
    ]);
  }
}

/** The name that a node will have: of the document, else of the host; in lower case, as kubeadm makes it. */
export function nodeNameOf(node: KubeDocument, hostname: string): string {
  return (textAt(node, 'nodeRegistration.name') ?? hostname).trim().toLowerCase();
}

/** `all` stands alone, as kubeadm has it. */
export function checkIgnoredChecks(report: Report, path: string, checks: readonly string[]): void {
  const names = new Set(checks.map((check) => check.toLowerCase()));
  if (names.has('all') && names.size > 1) {
    report(path, `"${checks.join(',')}" names single checks beside all`, {
      hint: 'Write only all, or only the names.',
    });
  }
}

export function validateBootstrapTokens(init: KubeDocument, problems: Problems): void {
  const report = problems.of(init.kind);
  const tokens = getField(init, 'bootstrapTokens');
  for (const [index, token] of (Array.isArray(tokens) ? tokens : []).entries()) {
    if (!isFields(token)) continue;
    const path = `bootstrapTokens[${index}]`;
    checkToken(report, `${path}.token`, textAt(token, 'token'));
    const ttl = textAt(token, 'ttl');
    if (ttl !== undefined && (parseGoDuration(ttl) ?? 0) < 0) {
      report(`${path}.ttl`, `"${ttl}" lies in the past`, {
        hint: 'Write how long the token is valid: 24h, or 0 for ever.',
      });
    }
    if (isSet(token.expires)) {
      // kubeadm adds its default ttl before it refuses a token that has both.
      report(`${path}.expires`, 'is refused by kubeadm', {
        hint: 'Write how long the token is valid: `ttl: 24h`.',
      });
    }
    for (const usage of textsAt(token, 'usages')) {
      checkOneOf(report, `${path}.usages`, usage, ['signing', 'authentication']);
    }
    const groups = textsAt(token, 'groups');
    for (const group of groups) {
      if (/^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group)) continue;
      report(`${path}.groups`, `"${group}" is not a group for bootstrap tokens`, {
        hint: 'Groups start with system:bootstrappers: and have lower-case letters, digits, - and :.',
      });
    }
    const usages = textsAt(token, 'usages');
    if (groups.length > 0 && usages.length > 0 && !usages.includes('authentication')) {
      report(`${path}.groups`, 'need the usage authentication', {
        hint: 'Add authentication to usages, or leave groups out.',
      });
    }
  }
}
