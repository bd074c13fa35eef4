import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { supportedMinors } from '../../../src/config/kubernetes-version.ts';
import { listMinors, loadCatalogue } from '../../../src/package/catalogue/load.ts';
import { copyKubectl } from '../../../src/package/catalogue/wrapper.ts';
import { needsFor } from '../../../src/package/needs.ts';
import { scratch } from './support.ts';

describe('the catalogue', () => {
  it('has the minors that edgeadm supports, the newest first and by default', async () => {
    const minors = await listMinors();
    expect([...minors].sort()).toEqual([...supportedMinors].sort());
    expect(minors[0]).toBe('1.36');
    expect((await loadCatalogue()).minor).toBe('1.36');
  });

  it.each(supportedMinors)(
    '%s names a wrapper module that pins each component built with Go',
    async (minor) => {
      const { components } = await loadCatalogue(minor);
      for (const { name, version, build } of components) {
        if (!build.go) continue;
        const { wrapper, module, programs } = build.go;
        const text = await readFile(join(wrapper, 'go.mod'), 'utf8');
        expect(text, name).toMatch(new RegExp(`^\\s*(require )?${module} ${version}\\b`, 'm'));
        expect(await readFile(join(wrapper, 'go.sum'), 'utf8'), name).toContain(`${module} ${version} h1:`);
        // `tool` directives hold what is built in the module's graph, so that `go mod tidy` keeps it.
        for (const path of Object.values(programs)) {
          if (path.startsWith('./')) expect(existsSync(join(wrapper, path)), path).toBe(true);
          else expect(text.split(/\s+/), name).toContain(path);
        }
      }
    },
  );

  it.each(supportedMinors)('%s fills every blank', async (minor) => {
    const { components, kubernetesVersion } = await loadCatalogue(minor);
    expect(kubernetesVersion).toMatch(new RegExp(`^v${minor.replace('.', '\\.')}\\.\\d+$`));
    for (const component of components) {
      const { wrapper, ...go } = component.build.go ?? { wrapper: '' };
      expect(JSON.stringify([go, component.images, component.bin])).not.toMatch(/[{]\w+[}]/);
      const urls = component.release.flatMap((file) => [file.url, file.checksum]);
      for (const url of urls) expect(url.replace(/\{arch\}|\{program\}/g, '')).not.toContain('{');
      for (const image of component.images)
        expect(image.name).toMatch(/^[a-z0-9.]+\/[a-z0-9./-]+:v?\d[\w.-]*$/);
      expect(wrapper === '' || existsSync(wrapper)).toBe(true);
    }
  });

  it.each(supportedMinors)('%s gives the same programs and images from both sources', async (minor) => {
    const { components } = await loadCatalogue(minor);
    for (const { name, build, release, bin, cni, images, sources } of components) {
      const built = Object.keys({ ...build.go?.programs, ...build.c?.programs });
      const published = release.flatMap((file) => file.programs ?? Object.keys(file.archive ?? {}));
      for (const program of [...bin, ...cni]) {
        expect(built, name).toContain(program);
        if (sources.includes('release')) expect(published, name).toContain(program);
      }
      for (const program of images.flatMap(({ files }) => Object.values(files)))
        expect(built, name).toContain(program);
    }
  });

  it.each([
    [undefined, 'v1.36.3'],
    ['1.36', 'v1.36.3'],
    ['v1.34', 'v1.34.4'],
    ['v1.36.3', 'v1.36.3'],
    ['1.36.9', 'v1.36.9'],
  ])('%s is %s', async (version, expected) => {
    const catalogue = await loadCatalogue(version);
    expect(catalogue.kubernetesVersion).toBe(expected);
    const names = catalogue.components.flatMap(({ images }) => images.map(({ name }) => name));
    expect(names).toContain(`registry.k8s.io/kube-apiserver:${expected}`);
  });

  it.each(['1.22', 'v1.36.x', '', 'latest', '2.36', '1.36.3/../..'])('refuses %j', async (version) => {
    await expect(loadCatalogue(version)).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
      hint: expect.stringContaining('1.36'),
    });
  });

  it('grows by a file', async () => {
    const directory = await scratch();
    await mkdir(join(directory, 'components'));
    await writeFile(
      join(directory, 'v1.99.yaml'),
      'kubernetesVersion: v1.99.1\ncomponents: { tool: v2.3.4 }\n',
    );
    const recipe =
      'licence: MIT\nhomepage: https://example.org\nbuild: {}\nrelease:\n  - url: https://example.org/v{version}/{arch}/tool\n    checksum: https://example.org/v{version}/sums\n    programs: [tool]\nbin: [tool]\n';
    await writeFile(join(directory, 'components', 'tool.yaml'), recipe);
    const { components } = await loadCatalogue('1.99', { directory });
    expect(components[0]!.release[0]!.url).toBe('https://example.org/v2.3.4/{arch}/tool');
    await writeFile(join(directory, 'components', 'tool.yaml'), `${recipe}surprise: 1\n`);
    await expect(loadCatalogue('1.99', { directory })).rejects.toThrow(/surprise is no known field/);
  });
});

describe('needs', () => {
  const base = { arch: 'amd64', edge: false, cni: 'none', ha: false } as const;

  it('are what kubeadm asks for, and more only with what needs more', async () => {
    const plain = await needsFor({ ...base, kubernetesVersion: 'v1.36.3' });
    expect(plain.binaries).toEqual(
      expect.arrayContaining(['kubeadm', 'kubelet', 'kubectl', 'containerd', 'runc', 'ctr']),
    );
    expect(plain.images).toEqual(
      expect.arrayContaining([
        'registry.k8s.io/kube-apiserver:v1.36.3',
        'registry.k8s.io/kube-controller-manager:v1.36.3',
        'registry.k8s.io/kube-scheduler:v1.36.3',
        'registry.k8s.io/kube-proxy:v1.36.3',
        'registry.k8s.io/coredns/coredns:v1.14.2',
        'registry.k8s.io/pause:3.10.2',
        'registry.k8s.io/etcd:3.6.8-0',
      ]),
    );
    expect(plain.images.join()).not.toMatch(/flannel|kube-vip|kas-network-proxy/);
    expect((await needsFor({ ...base, cni: 'flannel' })).images.join()).toMatch(/flannel/);
    expect((await needsFor({ ...base, cni: 'flannel' })).cni).toContain('flannel');
    expect((await needsFor({ ...base, ha: true })).images.join()).toMatch(/kube-vip/);
    expect((await needsFor({ ...base, edge: true })).images.join()).toMatch(/proxy-server.*proxy-agent/);
    const addons = { tunnel: { enabled: false } };
    expect((await needsFor({ ...base, edge: true, addons })).images.join()).not.toMatch(/kas-network-proxy/);
  });

  it("have edgeadm's own image unless the addon that runs it is off", async () => {
    const addon = (enabled: boolean) => ({ 'kubelet-serving-approver': { enabled } });
    const images = async (more: object) => (await needsFor({ ...base, ...more })).images.join();
    expect(await images({})).toContain('edgeadm');
    expect(await images({ addons: addon(true) })).toContain('edgeadm');
    expect(await images({ addons: addon(false) })).not.toContain('edgeadm');
  });

  it('of a node that joins leave out the control plane', async () => {
    const { images } = await needsFor({ ...base, ha: true, edge: true, role: 'node' });
    expect(images.join()).not.toMatch(/kube-apiserver|etcd|kube-vip|proxy-server/);
    expect(images.join()).toMatch(/kube-proxy.*pause/);
    expect(images.join()).toMatch(/proxy-agent/);
  });
});

describe('a wrapper module of Kubernetes', () => {
  it("gets kubectl's main package from another version", async () => {
    const folder = await scratch();
    const text = '// Command kubectl\npackage main\n';
    await mkdir(join(folder, 'kubernetes-1.36.3/kubectl'), { recursive: true });
    await mkdir(join(folder, 'etcd-3.6.8'));
    await writeFile(join(folder, 'kubernetes-1.36.3/kubectl/main.go'), text);
    await copyKubectl(join(folder, 'kubernetes-1.37.0'));
    expect(await readFile(join(folder, 'kubernetes-1.37.0/kubectl/main.go'), 'utf8')).toBe(text);
  });

  it('says so where no version has one', async () => {
    await expect(copyKubectl(join(await scratch(), 'kubernetes-1.37.0'))).rejects.toMatchObject({
      code: 'E_PACKAGE_BUILD',
    });
  });
});
