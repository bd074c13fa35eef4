import { edgeHealthPart } from '../health/part.ts';
import type { NodePart } from './part.ts';
import { servingCertificatePart } from './serving-certificate/part.ts';

/** Everything that one process per edge node does beside the proxy; see NodePart. */
export const nodeParts: readonly NodePart[] = [servingCertificatePart, edgeHealthPart];
