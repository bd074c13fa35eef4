import { textAt, textsAt } from '../fields.ts';
import type { Problems } from '../problems.ts';
import type { KubeDocument } from '../types.ts';
import { checkIgnoredChecks } from './node.ts';
import { checkAbsolutePath, checkOneOf, checkSocket } from './values.ts';

export function validateReset(
  reset: KubeDocument,
  given: ReadonlyMap<string, unknown>,
  problems: Problems,
): void {
  const report = problems.of('ResetConfiguration');
  checkSocket(report, 'criSocket', textAt(reset, 'criSocket'));
  checkAbsolutePath(report, 'certificatesDir', textAt(reset, 'certificatesDir'));
  for (const [index, flag] of textsAt(reset, 'unmountFlags').entries()) {
    checkOneOf(report, `unmountFlags[${index}]`, flag, [
      'MNT_FORCE',
      'MNT_DETACH',
      'MNT_EXPIRE',
      'UMOUNT_NOFOLLOW',
    ]);
  }
  checkIgnoredChecks(problems.of('flag'), '--ignore-preflight-errors', [
    ...textsAt(reset, 'ignorePreflightErrors'),
    ...((given.get('ignore-preflight-errors') ?? []) as string[]),
  ]);
}
