import { type Check, type NodeSettings, warning } from './check.ts';

export const manifestsDir: Check<NodeSettings> = {
  name: 'ManifestsDir',
  applies: (settings) => settings.manifestsDir !== undefined,
  async run(_host, settings) {
    const { manifestNames, unknownManifests } = await import('../../src/kube/manifests.ts');
    const unknown = await unknownManifests(settings.manifestsDir!);
    if (unknown.length === 0) return [];
    const names = (await manifestNames()).map((name) => `${name}.yaml`).join(', ');
    const message = `${settings.manifestsDir} has files that replace nothing: ${unknown.join(', ')}`;
    return [warning(message, `A file replaces a built-in one of the same name: ${names}.`)];
  },
};
