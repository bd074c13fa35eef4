/** A mapping of a document. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path such as `networking.podSubnet` or `bootstrapTokens.0.token`; undefined when any part lacks. */
export function getField(document: unknown, path: string): unknown {
  let value = document;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Fields)[part];
  }
  return value;
}

/** Sets the value at a path in place; mappings and lists on the way are made, a null on the way is replaced. */
export function setField(document: Fields, path: string, value: unknown): void {
  const parts = path.split('.');
  const last = parts.pop()!;
  let parent: Fields = document;
  for (const [index, part] of parts.entries()) {
    const next = parts[index + 1] ?? last;
    if (!Object.hasOwn(parent, part) || typeof parent[part] !== 'object' || parent[part] === null) {
      parent[part] = /^\d+$/.test(next) ? [] : {};
    }
    parent = parent[part] as Fields;
  }
  parent[last] = value;
}

/** Sets the value at a path unless there is one; null counts as none, as for kubeadm. Returns whether it was set. */
export function setDefault(document: Fields, path: string, value: unknown): boolean {
  if (isSet(getField(document, path))) return false;
  setField(document, path, value);
  return true;
}

/** The text at a path, or undefined when there is none or an empty one (kubeadm's zero value). */
export function textAt(document: unknown, path: string): string | undefined {
  const value = getField(document, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether a field was written: null counts as not, as for kubeadm. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function numberAt(document: unknown, path: string): number | undefined {
  const value = getField(document, path);
  return typeof value === 'number' && value !== 0 ? value : undefined;
}

/** The texts of a list at a path; empty when there is none. */
export function textsAt(document: unknown, path: string): string[] {
  const value = getField(document, path);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
