/**
 * Canonical forms of selectors: the same text for every spelling of one selection, different texts for different ones.
 * Undefined for what is not understood; such a request is forwarded and not cached.
 */
const labelKey = /^([A-Za-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;

/** Source of the grammar: k8s.io/apimachinery/pkg/labels/selector.go. */
export function canonicalLabelSelector(selector: string): string | undefined {
  if (selector.trim() === '') return '';
  const requirements: string[] = [];
  for (const part of splitOutsideParentheses(selector)) {
    const requirement = labelRequirement(part.trim());
    if (requirement === undefined) return undefined;
    requirements.push(requirement);
  }
  return [...new Set(requirements)].sort().join(',');
}

function labelRequirement(text: string): string | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set) {
    const values = [...new Set((set[3] as string).split(',').map((value) => value.trim()))].sort();
    if (!values.every((value) => labelValue.test(value))) return undefined;
    return keyed(set[1] as string, ` ${set[2]} (${values.join(',')})`);
  }
  const negated = /^!\s*(\S+)$/.exec(text);
  if (negated && labelKey.test(negated[1] as string)) return `!${negated[1]}`;
  const compared = /^([^\s=!<>]+)\s*(==|=|!=|<|>)\s*(\S*)$/.exec(text);
  if (compared) {
    const [, key, operator, value] = compared as unknown as [string, string, string, string];
    if (!labelValue.test(value)) return undefined;
    if (operator === '<' || operator === '>') {
      return /^[0-9]+$/.test(value) ? keyed(key, ` ${operator} ${value}`) : undefined;
    }
    return keyed(key, ` ${operator === '!=' ? 'notin' : 'in'} (${value})`);
  }
  return keyed(text, '');
}

function keyed(key: string, rest: string): string | undefined {
  return labelKey.test(key) ? key + rest : undefined;
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Source of the grammar, escapes included: k8s.io/apimachinery/pkg/fields/selector.go. */
export function canonicalFieldSelector(selector: string): string | undefined {
  if (selector === '') return '';
  const terms: string[] = [];
  for (const part of splitUnescaped(selector)) {
    if (part === '') continue;
    const term = /^([A-Za-z][A-Za-z0-9._[\]-]*)(==|=|!=)(.*)$/s.exec(part);
    if (!term) return undefined;
    const [, field, operator, value] = term as unknown as [string, string, string, string];
    // An unescaped separator within a value has no single reading.
    if (/(^|[^\\])(\\\\)*=/.test(value)) return undefined;
    terms.push(`${field}${operator === '!=' ? '!=' : '='}${value}`);
  }
  return [...new Set(terms)].sort().join(',');
}

function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') {
      part += text.slice(i, i + 2);
      i++;
    } else if (text[i] === ',') {
      parts.push(part);
      part = '';
    } else part += text[i];
  }
  return [...parts, part];
}

/** The name that a canonical field selector pins, if it is a plain `metadata.name=…`. */
export function selectedName(fields: string): string | undefined {
  return /^metadata\.name=([A-Za-z0-9][A-Za-z0-9.:_-]*)$/.exec(fields)?.[1];
}
