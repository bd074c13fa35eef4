import { edgeSchema } from '../edge-configuration.ts';
import type { Problems } from '../problems.ts';
import type { KubeDocument } from '../types.ts';
import { checkSchema } from './check.ts';
import { documentSchemas } from './minors.ts';

/** Reports unknown fields and values of a wrong type in documents, by the schema of a Kubernetes minor (`1.36`). */
export function checkDocuments(
  documents: readonly KubeDocument[],
  minor: string | undefined,
  problems: Problems,
): void {
  const schemas = documentSchemas(minor);
  for (const document of documents) {
    const schema = document.kind === 'EdgeConfiguration' ? edgeSchema : schemas[document.kind];
    if (schema) checkSchema(document, schema, problems.of(document.kind));
  }
}
