import type { Problems } from '../problems.ts';
import type { KubeDocument } from '../types.ts';

export function validateReset(_reset: KubeDocument, _problems: Problems): void {}
