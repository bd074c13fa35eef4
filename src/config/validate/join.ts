import type { Problems } from '../problems.ts';
import type { EdgeConfiguration, KubeDocument } from '../types.ts';

export interface JoinToValidate {
  join: KubeDocument;
  edge: EdgeConfiguration;
  given: ReadonlyMap<string, unknown>;
  nodeName: string;
  endpoint: string | undefined;
  discoveryOptional: boolean;
  problems: Problems;
}

export function validateJoin(_input: JoinToValidate): void {}
