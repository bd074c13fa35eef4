import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import program from '../../../../package.json' with { type: 'json' };
import { edgeHealth } from '../../../../phases/addons/edge-health.ts';
import { kubeletServingApprover } from '../../../../phases/addons/kubelet-serving-approver.ts';
import type { InitContext } from '../../../../phases/init/context.ts';
import type { EdgeConfiguration, KubeDocument } from '../../../../src/config/types.ts';
import { controllerImageName, inEdgeRepository } from '../../../../src/edge/controller/image-name.ts';
import { type ControllerSettings, controllerObjects } from '../../../../src/edge/controller/objects.ts';
import { manifestsRoot } from '../../../../src/kube/manifests.ts';
import type { KubeClient, ObjectRef } from '../../../../src/kube/types.ts';
import type { Event } from '../../../../src/workflow/events.ts';

const settings: ControllerSettings = { edgeRepository: 'ghcr.io/superedge', dnsDomain: 'cluster.local' };

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const byKind = (objects: readonly KubeDocument[], kind: string) =>
  objects.filter((each) => each.kind === kind);

async function pod(more: Partial<ControllerSettings> = {}) {
  const [deployment] = byKind(await controllerObjects({ ...settings, ...more }), 'Deployment');
  const { spec } = (deployment!.spec as { template: { spec: Record<string, unknown> } }).template;
  const [container] = spec.containers as {
    image: string;
    args: string[];
    env?: object[];
    securityContext: object;
  }[];
  return { spec, container: container! };
}

const run = { signal: new AbortController().signal, emit: () => {}, progress: () => {} };

function context(
  dryRun: boolean,
  client: Partial<KubeClient>,
  { enabled = true, addons = {} }: { enabled?: boolean; addons?: EdgeConfiguration['addons'] } = {},
) {
  const events: Event[] = [];
  const ctx = {
    host: { dryRun, readText: async () => kubeconfig },
    emit: (event: Event) => events.push(event),
    edge: {
      enabled,
      addons,
      virtualAddress: '169.254.20.11',
      images: { edgeRepository: 'ghcr.io/superedge' },
    },
    settings: { dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12,fd00::/108' },
    kube: async () => client,
  };
  return { ctx: ctx as unknown as InitContext, events };
}

/** The part of an administrator's kubeconfig that says where the API server is. */
const kubeconfig = 'clusters:\n- cluster:\n    server: https://192.0.2.7:6443\n  name: kubernetes\n';

describe('the objects of the controller', () => {
  it('name the image of this version, also as the file is', async () => {
    const image = `ghcr.io/superedge/edgeadm:v${program.version}`;
    expect((await pod()).container.image).toBe(image);
    expect(controllerImageName()).toBe(image);
    const file = join(manifestsRoot(), 'addons/edgeadm-controller/edgeadm-controller.yaml');
    expect(await readFile(file, 'utf8')).toContain(`image: ${image}\n`);
  });

  it('take another repository', async () => {
    expect((await pod({ edgeRepository: 'mirror.example/edge/' })).container.image).toBe(
      `mirror.example/edge/edgeadm:v${program.version}`,
    );
    expect(inEdgeRepository('registry.k8s.io/pause:3', 'mirror.example')).toBe('registry.k8s.io/pause:3');
  });

  it('reserve the endpoint of the control plane and the names of services', async () => {
    expect((await pod()).container.args).toEqual(['--health-address=127.0.0.1:10300']);
    const { container } = await pod({ dnsDomain: 'edge.example', controlPlaneEndpoint: 'api.example:6443' });
    expect(container.args).toContain('--reserved-sans=api.example,.svc.edge.example');
  });

  it('ask the API server itself, and reserve the address of its Service', async () => {
    expect((await pod()).container.env).toBeUndefined();
    const { container } = await pod({ apiServer: '[fd00::7]:7443', serviceAddress: '10.96.0.1' });
    expect(container.env).toEqual([
      { name: 'KUBERNETES_SERVICE_HOST', value: 'fd00::7' },
      { name: 'KUBERNETES_SERVICE_PORT', value: '7443' },
    ]);
    expect(container.args).toContain('--reserved-sans=10.96.0.1');
  });

  it('let edge nodes have what their proxies answer for', async () => {
    const edgeNodes = {
      ips: ['169.254.20.11', '127.0.0.1', '10.96.0.1'],
      names: ['kubernetes', 'kubernetes.default'],
    };
    const { container } = await pod({ edgeNodes });
    expect(container.args).toContain('--extra-san-ips=169.254.20.11,127.0.0.1,10.96.0.1');
    expect(container.args).toContain('--extra-san-names=kubernetes,kubernetes.default');
  });

  it('keep a user’s own image and arguments', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
    try {
      const file = await readFile(
        join(manifestsRoot(), 'addons/edgeadm-controller/edgeadm-controller.yaml'),
        'utf8',
      );
      await mkdir(join(folder, 'addons/edgeadm-controller'), { recursive: true });
      const own = file
        .replace(/image: .*/, 'image: own.example/controller:1')
        .replace('--health-address=127.0.0.1:10300', '--reserved-sans=x');
      await writeFile(join(folder, 'addons/edgeadm-controller/edgeadm-controller.yaml'), own);
      const { container } = await pod({
        manifestsDir: folder,
        edgeRepository: 'mirror.example',
        controlPlaneEndpoint: 'api.example',
      });
      expect(container).toMatchObject({ image: 'own.example/controller:1', args: ['--reserved-sans=x'] });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('run it without rights on the host', async () => {
    const { spec, container } = await pod();
    expect(spec).toMatchObject({
      hostNetwork: true,
      priorityClassName: 'system-cluster-critical',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(spec.volumes).toBeUndefined();
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('give it the rights that its requests need, and no more', async () => {
    const objects = await controllerObjects(settings);
    const rules = [...byKind(objects, 'ClusterRole'), ...byKind(objects, 'Role')].flatMap((role) =>
      (role.rules as Rule[]).flatMap(({ resources, resourceNames, verbs }) =>
        resources.map(
          (resource) => `${verbs.join(',')} ${resource}${resourceNames ? ` ${resourceNames}` : ''}`,
        ),
      ),
    );
    expect(rules).toEqual([
      'get,list,watch certificatesigningrequests',
      'update certificatesigningrequests/approval',
      'approve signers kubernetes.io/kubelet-serving',
      'get nodes',
      'get,create,update leases edgeadm-controller',
      'create events',
      'get endpointslices kubernetes',
    ]);
  });
});

const off = { 'edge-health': { enabled: false, settings: {} } };

describe('the duty edge-health', () => {
  const names = (objects: readonly KubeDocument[]) =>
    objects.map(({ kind, metadata }) => `${kind}/${(metadata as { name: string }).name}`);

  it('comes with its rights before the Deployment, and with the settings in its arguments', async () => {
    const objects = await controllerObjects({ ...settings, edgeHealth: { peers: 4 } });
    const all = names(objects);
    expect(all).toContain('ValidatingAdmissionPolicy/edgeadm-edge-health');
    expect(all.at(-1)).toBe('Deployment/edgeadm-controller');
    const { container } = await pod({ edgeHealth: { peers: 4 } });
    expect(container.args).toContain('--edge-health={"peers":4}');
    const rules = byKind(objects, 'ClusterRole')
      .filter(({ metadata }) => (metadata as { name: string }).name === 'edgeadm-edge-health')
      .flatMap(({ rules }) => rules as Rule[]);
    expect(rules.map(({ resources, verbs }) => `${verbs} ${resources}`)).toEqual([
      'list,watch nodes',
      'list,watch csinodes',
      'get,list,watch,patch pods',
    ]);
  });

  it('leaves no rights over certificate requests when nobody approves them', async () => {
    const objects = await controllerObjects({ ...settings, edgeHealth: {}, kubeletServing: false });
    expect(names(byKind(objects, 'ClusterRole'))).toEqual(['ClusterRole/edgeadm-edge-health']);
    const { container } = await pod({ kubeletServing: false });
    expect(container.args).toContain('--kubelet-serving-approver=false');
  });

  it('is on in edge clusters unless it is left out, whichever addon installs the controller', async () => {
    for (const addon of [kubeletServingApprover, edgeHealth]) {
      for (const [more, expected] of [
        [{ enabled: true }, true],
        [{ enabled: true, addons: off }, false],
        [{ enabled: false }, false],
      ] as const) {
        const { ctx, events } = context(true, {}, more);
        await addon.run?.(ctx, run);
        const targets = events.map((event) => (event.type === 'change' ? event.target : ''));
        expect(targets.includes('ValidatingAdmissionPolicy/edgeadm-edge-health')).toBe(expected);
      }
    }
    expect(edgeHealth.edgeOnly).toBe(true);
  });
});

describe('the addon', () => {
  it('applies everything and waits for the Deployment alone', async () => {
    const applied: string[] = [];
    let sent = '';
    const waited: (readonly ObjectRef[])[] = [];
    const { ctx } = context(
      false,
      {
        async apply(objects) {
          applied.push(...objects.map(({ kind }) => kind));
          sent = JSON.stringify(objects);
          return true;
        },
        async waitRollout(refs, { timeoutMs }) {
          expect(timeoutMs).toBe(120_000);
          waited.push(refs);
        },
      },
      { addons: off },
    );
    expect(await kubeletServingApprover.run?.(ctx, run)).toBe(true);
    expect(sent).toContain('--extra-san-ips=169.254.20.11,127.0.0.1,10.96.0.1');
    expect(sent).toContain('--reserved-sans=10.96.0.1');
    expect(sent).toContain('{"name":"KUBERNETES_SERVICE_HOST","value":"192.0.2.7"}');
    expect(applied).toEqual([
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
      'Role',
      'RoleBinding',
      'Deployment',
    ]);
    expect(waited).toEqual([
      [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'edgeadm-controller', namespace: 'kube-system' }],
    ]);
  });

  it('changes nothing in a dry run', async () => {
    const { ctx, events } = context(true, {}, { addons: off });
    await kubeletServingApprover.run?.(ctx, run);
    expect(events).toHaveLength(8);
    expect(events.every((event) => event.type === 'change' && event.planned)).toBe(true);
  });

  it('is installed in plain clusters as well', () => {
    expect(kubeletServingApprover.edgeOnly).toBeUndefined();
  });
});
