import { addressFamily } from './cidr.ts';

const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${label}(?:\\.${label})*$`);

/** RFC 1123 subdomain in lower case, as Kubernetes wants it: at most 253 characters. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && subdomain.test(text);
}

/** A DNS name, also with `*.` before it. */
export function isDnsPattern(text: string): boolean {
  return isDnsSubdomain(text.startsWith('*.') ? text.slice(2) : text);
}

/** Why a text is no node name (it goes on from the value: `"x" …`), or undefined when it is one. */
export function nodeNameFault(name: string): string | undefined {
  if (addressFamily(name) === 4) return 'is an IP address, not a node name';
  if (name.length > 253) return `has ${name.length} characters; a node name has at most 253`;
  if (!isDnsSubdomain(name)) {
    return "is not a node name (lower-case letters, digits, '-' and '.', a letter or digit at both ends)";
  }
  const long = name.split('.').find((part) => part.length > 63);
  return long === undefined
    ? undefined
    : `has a part of ${long.length} characters; at most 63 are allowed between dots`;
}

/** The closest valid node name, for a hint; undefined when nothing is left of it. */
export function suggestNodeName(name: string): string | undefined {
  const cleaned = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/[-.]*\.[-.]*/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '');
  return cleaned !== '' && nodeNameFault(cleaned) === undefined ? cleaned : undefined;
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const domainLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
// What has neither a dot nor a port is no registry but a part of the path, which is lower-case.
const registry = `(?:${domainLabel}(?:\\.${domainLabel})+(?::[0-9]+)?|${domainLabel}:[0-9]+|localhost|\\[[a-fA-F0-9:]+\\](?::[0-9]+)?)`;
const repository = new RegExp(`^(?:${registry}|${component})(?:/${component})*$`);

/** Registry and path before an image's name, by the grammar of github.com/distribution/reference: no tag, no scheme. */
export function isImageRepository(text: string): boolean {
  return repository.test(text);
}
