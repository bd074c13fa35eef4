import { edgeHealthPart } from '../health/part.ts';
import { offlineVerdictPart } from './offline-verdict/part.ts';
import type { NodePart } from './part.ts';
import { servingCertificatePart } from './serving-certificate/part.ts';
import { validityPart } from './validity/part.ts';

/** Everything that one process per edge node does beside the proxy; see NodePart. */
export const nodeParts: readonly NodePart[] = [
  servingCertificatePart,
  validityPart,
  edgeHealthPart,
  offlineVerdictPart,
];
