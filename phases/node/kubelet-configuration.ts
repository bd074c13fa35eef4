import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';

/** How its files are read: names in a folder, none of one that is not there, and the text of a file. */
export interface KubeletFiles {
  list(folder: string): Promise<readonly string[]>;
  read(path: string): Promise<string | undefined>;
}

/**
 * KubeletConfiguration as the kubelet of this host reads it: its file, then the drop-ins by name, of which a later one
 * counts more (https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/#kubelet-conf-d).
 * Errors: E_CONFIG_YAML.
 */
export async function readKubeletConfiguration<Fields>({
  list,
  read,
}: KubeletFiles): Promise<Partial<Fields>[]> {
  const { parseYaml } = await import('../../src/config/yaml.ts');
  const folder = paths.kubeletConfigDir;
  const dropIns = (await list(folder)).filter((name) => name.endsWith('.conf')).sort();
  const files = [join(paths.kubelet, 'config.yaml'), ...dropIns.map((name) => join(folder, name))];
  const documents = await Promise.all(
    files.map(async (path) => {
      const text = await read(path);
      return text ? (parseYaml({ text, path })[0] as Partial<Fields> | undefined) : undefined;
    }),
  );
  return documents.filter((document) => document !== undefined);
}
