import { edgeSchema } from '../edge-configuration.ts';
import type { Problems } from '../problems.ts';
import type { KubeDocument } from '../types.ts';
import { checkSchema } from './check.ts';
import type { Schemas } from './schema.ts';

const schemas: Schemas = { EdgeConfiguration: edgeSchema };

/** Reports unknown fields and values of a wrong type in documents, by the schema of a Kubernetes minor (`1.36`). */
export function checkDocuments(documents: readonly KubeDocument[], _minor: string | undefined, problems: Problems): void {
  for (const document of documents) {
    const schema = schemas[document.kind];
    if (schema) checkSchema(document, schema, problems.of(document.kind));
  }
}
