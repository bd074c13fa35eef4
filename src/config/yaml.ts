import {
  boolYaml11Tag,
  CORE_SCHEMA,
  defineScalarTag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from 'js-yaml';
import { EdgeadmError } from '../errors.ts';

/** A configuration file as the user gave it. */
export interface ConfigText {
  text: string;
  /** For messages. */
  path: string;
}

/** Bytes (or characters) that a configuration file may have. Kubernetes' own objects end at 1.5 MB. */
export const configLimit = 1024 * 1024;

/** Nodes that a file may have once its aliases are written out; a large real configuration has about a thousand. */
const nodeLimit = 100_000;

/**
 * Whole numbers as kubeadm's YAML reader (sigs.k8s.io/yaml) takes them: YAML 1.1 but for base 60. `0755` is octal,
 * `1_000` is a thousand.
 */
const intTag = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'-+0123456789'],
  resolve(source) {
    const match = /^([-+]?)(?:0b([01_]+)|0x([\da-f_]+)|0o?([0-7_]+)|(0|[1-9][\d_]*))$/i.exec(source);
    if (!match) return NOT_RESOLVED;
    const [, sign, binary, hex, octal, decimal] = match;
    const [digits, base] = binary ? [binary, 2] : hex ? [hex, 16] : octal ? [octal, 8] : [decimal!, 10];
    const value = Number.parseInt(digits.replaceAll('_', ''), base);
    return Number.isNaN(value) ? NOT_RESOLVED : sign === '-' ? -value : value;
  },
  identify: (data) => Number.isInteger(data),
});

const schema = CORE_SCHEMA.withTags(boolYaml11Tag, intTag, mergeTag);

/**
 * Reads a YAML stream as kubeadm does (YAML 1.1 booleans and octal numbers, merge keys). Documents without content are
 * left out. Errors: E_CONFIG_YAML with line and column for bad syntax, duplicate keys, tabs, more than 1 MiB, and
 * aliases that multiply ("billion laughs") or contain themselves.
 */
export function parseYaml({ text, path }: ConfigText): unknown[] {
  if (text.length > configLimit) throw tooLarge(path);
  const documents = load(text, path).filter((document) => document !== null && document !== undefined);
  if (documents.length === 0) {
    throw new EdgeadmError('E_CONFIG_YAML', `${path}: the file is empty`, {
      hint: 'Write at least one document, e.g. `apiVersion: kubeadm.k8s.io/v1beta4` and `kind: ClusterConfiguration`.',
    });
  }
  for (const document of documents) refuseBomb(document, path);
  return documents;
}

export function tooLarge(path: string): EdgeadmError {
  return new EdgeadmError('E_CONFIG_YAML', `${path}: the file is larger than 1 MiB`, {
    hint: 'A configuration has a few kilobytes. Is this the right file?',
  });
}

function load(text: string, path: string): unknown[] {
  try {
    return loadAll(text, { schema, maxDepth: 64, maxAliases: 1000 });
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const where = thrown.mark ? `${path}:${thrown.mark.line + 1}:${thrown.mark.column + 1}` : path;
    throw new EdgeadmError('E_CONFIG_YAML', `${where}: ${thrown.reason}`, {
      hint: advice(thrown.reason, text, thrown.mark?.line),
      ...(thrown.mark?.snippet ? { details: withoutSecrets(thrown.mark.snippet) } : {}),
    });
  }
}

/** The lines around a fault, without the values of fields that hold secrets. */
function withoutSecrets(snippet: string): string[] {
  return snippet
    .split('\n')
    .map((line) => line.replace(/((?:token|key|secret|password)\w*["']?\s*:\s*)\S.*/i, '$1…'));
}

function advice(reason: string, text: string, line: number | undefined): string {
  const source = line === undefined ? '' : (text.split('\n')[line] ?? '');
  if (/^\s*\t/.test(source)) return 'Indent with spaces: YAML does not allow tabs.';
  if (reason.includes('duplicated mapping key'))
    return 'Keep one of the two; a second would silently win over the first.';
  if (reason.includes('alias')) return 'Write the values out instead of repeating them by `*name`.';
  return 'Correct the YAML at that place.';
}

/** Counts nodes as if every alias were written out, each shared part once, and finds parts that contain themselves. */
function refuseBomb(document: unknown, path: string): void {
  const sizes = new Map<object, number>();
  const open = new Set<object>();
  const count = (node: unknown): number => {
    if (typeof node !== 'object' || node === null) return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    if (open.has(node)) {
      throw new EdgeadmError('E_CONFIG_YAML', `${path}: an alias is used inside its own anchor`, {
        hint: 'Write the values out instead of repeating them by `*name`.',
      });
    }
    open.add(node);
    const total = Object.values(node).reduce((sum: number, child) => sum + count(child), 1);
    open.delete(node);
    sizes.set(node, total);
    return total;
  };
  if (count(document) > nodeLimit) {
    throw new EdgeadmError('E_CONFIG_YAML', `${path}: aliases make more than ${nodeLimit} values`, {
      hint: 'Write the values out instead of repeating them by `*name`.',
    });
  }
}
