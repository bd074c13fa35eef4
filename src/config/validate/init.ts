import type { Problems } from '../problems.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from '../types.ts';

export interface InitToValidate {
  documents: readonly KubeDocument[];
  edge: EdgeConfiguration;
  given: ReadonlyMap<string, unknown>;
  machine: MachineFacts;
  nodeName: string;
  problems: Problems;
}

export function validateInit(_input: InitToValidate): void {}
