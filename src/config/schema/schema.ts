/**
 * The shape of a value, as written in src/config/schema/*.json:
 * a name of a scalar; `[item]` for a list; `{"*": value}` for a map with free keys; `{field: …}` for a mapping with
 * exactly these fields.
 */
export type Schema = ScalarName | readonly [Schema] | { readonly [field: string]: Schema };

/**
 * `duration` is Go's (`1m30s`), `time` RFC 3339, `quantity` Kubernetes' (`500m`, `1Gi`), `intOrString` either, `any`
 * unchecked.
 */
export type ScalarName =
  | 'string'
  | 'bool'
  | 'int'
  | 'number'
  | 'duration'
  | 'time'
  | 'quantity'
  | 'intOrString'
  | 'any';

/** Schemas of documents by kind. */
export type Schemas = Readonly<Record<string, Schema>>;
