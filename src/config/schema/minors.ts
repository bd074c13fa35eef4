import { closest, distance } from 'fastest-levenshtein';
import type { Schemas } from './schema.ts';
import v134 from './v1.34.json' with { type: 'json' };
import v135 from './v1.35.json' with { type: 'json' };
import v136 from './v1.36.json' with { type: 'json' };

interface MinorSchema {
  /** Version that it was made from, see generate/. */
  kubernetes: string;
  featureGates: readonly string[];
  documents: Schemas;
}

const minors: Readonly<Record<string, unknown>> = { '1.34': v134, '1.35': v135, '1.36': v136 };

/** Kubernetes minors with a schema, oldest first. */
export const schemaMinors: readonly string[] = Object.keys(minors);

/** Documents that kubeadm of a minor reads; of the newest one when the minor is open. */
export function documentSchemas(minor: string | undefined): Schemas {
  return schemaOf(minor).documents;
}

export function featureGates(minor: string | undefined): readonly string[] {
  return schemaOf(minor).featureGates;
}

export function closestFeatureGate(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  return distance(name, near) <= 4 ? `Did you mean ${near}?` : `Known: ${known.join(', ')}.`;
}

function schemaOf(minor: string | undefined): MinorSchema {
  return (minors[minor ?? ''] ?? v136) as unknown as MinorSchema;
}
