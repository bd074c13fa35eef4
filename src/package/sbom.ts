import type { Catalogue } from './catalogue/types.ts';
import { canonicalJson, sha256Hex } from './hash.ts';
import type { Program } from './program/entries.ts';
import type { Dependency, FetchedComponent } from './sources/source.ts';
import type { Arch } from './types.ts';

export interface SbomInput {
  catalogue: Catalogue;
  arch: Arch;
  fetched: readonly FetchedComponent[];
  program: Pick<Program, 'version' | 'components' | 'dependencies'>;
}

interface BomComponent {
  type: 'application' | 'library';
  'bom-ref': string;
  name: string;
  version: string;
  purl?: string;
  licenses?: unknown[];
  externalReferences?: unknown[];
}

/**
 * Bill of materials as CycloneDX 1.6 JSON (https://cyclonedx.org/docs/1.6/json): each component with its licence, and
 * the Go modules and Debian packages it was made of. No time and no random serial number, so that equal packages have
 * equal bills.
 */
export function sbom({ catalogue, arch, fetched, program }: SbomInput): Buffer {
  const libraries = new Map<string, BomComponent>();
  const dependencies: { ref: string; dependsOn: string[] }[] = [];
  const applications = fetched.map(({ component, origin, dependencies: parts }): BomComponent => {
    const ref = `component:${component.name}@${component.version}`;
    for (const part of parts) libraries.set(purlOf(part, arch), library(part, arch));
    dependencies.push({ ref, dependsOn: parts.map((part) => purlOf(part, arch)).sort() });
    return {
      type: 'application',
      'bom-ref': ref,
      name: component.name,
      version: component.version,
      licenses: [{ expression: component.licence }],
      externalReferences: [
        { type: 'website', url: component.homepage },
        { type: 'distribution', url: origin },
      ],
    };
  });
  for (const { name, version, licence } of program.components) {
    const ref = `component:${name}@${version}`;
    const parts = name === 'edgeadm' ? (program.dependencies ?? []) : [];
    for (const part of parts) libraries.set(purlOf(part, arch), library(part, arch));
    dependencies.push({ ref, dependsOn: parts.map((part) => purlOf(part, arch)).sort() });
    const licenses = [{ expression: licence }];
    applications.push({ type: 'application', 'bom-ref': ref, name, version, licenses });
  }
  const root = `package:edgeadm-${catalogue.kubernetesVersion}-linux-${arch}`;
  dependencies.unshift({ ref: root, dependsOn: applications.map((each) => each['bom-ref']).sort() });
  const components = [...applications, ...libraries.values()].sort((a, b) =>
    a['bom-ref'] < b['bom-ref'] ? -1 : 1,
  );
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': root,
        name: 'edgeadm-install-package',
        version: catalogue.kubernetesVersion,
      },
      tools: { components: [{ type: 'application', name: 'edgeadm', version: program.version }] },
    },
    components,
    dependencies: dependencies.sort((a, b) => (a.ref < b.ref ? -1 : 1)),
  };
  return Buffer.from(
    `${JSON.stringify({ ...document, serialNumber: `urn:uuid:${uuid(sha256Hex(canonicalJson(document)))}` }, null, 1)}\n`,
  );
}

function library(part: Dependency, arch: Arch): BomComponent {
  const purl = purlOf(part, arch);
  return {
    type: 'library',
    'bom-ref': purl,
    name: part.name,
    version: part.version,
    purl,
    ...(part.licence !== undefined && { licenses: [{ license: { id: part.licence } }] }),
    ...(part.licenceNames && { licenses: part.licenceNames.map((name) => ({ license: { name } })) }),
  };
}

/** https://github.com/package-url/purl-spec, types golang, deb and npm. */
function purlOf({ kind, name, version }: Dependency, arch: Arch): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  if (kind === 'npm') return `pkg:npm/${path}@${encodeURIComponent(version)}`;
  if (kind === 'debian') return `pkg:deb/debian/${path}@${encodeURIComponent(version)}?arch=${arch}`;
  return `pkg:golang/${path}@${encodeURIComponent(version)}`;
}

/** A UUID of a hash, marked as version 8 (RFC 9562): made by a rule of one's own. */
function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
