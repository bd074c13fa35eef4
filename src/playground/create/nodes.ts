import { EdgeadmError, toEdgeadmError } from '../../errors.ts';
import type { Phase } from '../../workflow/phase.ts';
import { waitBooted } from '../boot.ts';
import { clusterNetworks } from '../cluster-config.ts';
import { networkLabels, nodeLabels } from '../labels.ts';
import { limited } from '../limited.ts';
import { networkName } from '../names.ts';
import { type NodePackage, packageMounts } from '../node-package.ts';
import { planNodes } from '../plan.ts';
import type { Mount } from '../provider.ts';
import { machineAddress, pickSubnet } from '../subnet.ts';
import type { Playground } from '../types.ts';
import { type CreateContext, set } from './context.ts';

const bootsAtOnce = 8;

export const nodesPhase: Phase<CreateContext> = {
  name: 'nodes',
  short: 'Boot the nodes',
  async run(ctx, run) {
    const { options, provider, existing } = ctx;
    const nodePackage = set(ctx.nodePackage, 'the package');
    if (existing) refuseOtherPackage(existing, nodePackage);
    const subnet = existing?.subnet ? existing.subnet : await makeNetwork(ctx);
    const nodes = planNodes(options, subnet);
    ctx.subnet = subnet;
    ctx.nodes = nodes;

    const mounts = [...packageMounts(nodePackage), ...(await machineMounts(ctx))];
    let booted = 0;
    const report = () => run.progress('boot', { done: booted, total: nodes.length, unit: 'items' });
    report();
    const changed = await limited(nodes, bootsAtOnce, async (node) => {
      const there = existing?.nodes.find(({ name }) => name === node.name);
      if (!there) {
        await provider.createNode(
          {
            name: node.name,
            network: networkName(options.name),
            address: node.address,
            macAddress: node.macAddress,
            image: set(ctx.image, 'the image'),
            labels: nodeLabels(options.name, node),
            mounts,
          },
          run.signal,
        );
      } else if (there.state !== 'running') {
        await provider.startNode(node.name);
      }
      await waitBooted(provider, node.name, { signal: run.signal });
      booted += 1;
      report();
      return there?.state !== 'running';
    });
    return changed.some(Boolean);
  },
};

/** Nodes of one playground all have the same package. Errors: E_PLAYGROUND. */
function refuseOtherPackage({ name, packageDigest }: Playground, nodePackage: NodePackage): void {
  if (packageDigest === undefined || packageDigest === nodePackage.digest) return;
  throw new EdgeadmError('E_PLAYGROUND', `playground "${name}" was made with another install package`, {
    hint: `Delete it (\`edgeadm playground delete --name ${name}\`), or choose another name with --name.`,
  });
}

/** A network of its own on a subnet that nothing on this machine uses. Returns the subnet. */
async function makeNetwork({
  options,
  documents,
  provider,
  machine,
  nodePackage,
}: CreateContext): Promise<string> {
  const routes = await machine.run({ file: 'ip', args: ['-json', '-4', 'route', 'show', 'table', 'all'] });
  const destinations = (JSON.parse(routes.stdout || '[]') as { dst?: string }[]).map(({ dst }) => dst ?? '');
  const taken = [...destinations.filter((dst) => dst !== 'default'), ...clusterNetworks(documents)];
  for (let attempt = 1; ; attempt += 1) {
    const networks = await provider.networks();
    const subnet = pickSubnet([...taken, ...networks.flatMap(({ subnets }) => subnets)]);
    const labels = networkLabels({
      name: options.name,
      subnet,
      bare: options.bare,
      kubernetesVersion: nodePackage?.kubernetesVersion,
      packageDigest: nodePackage?.digest,
    });
    try {
      await provider.createNetwork({
        name: networkName(options.name),
        subnet,
        machineAddress: machineAddress(subnet),
        labels,
      });
      return subnet;
    } catch (thrown) {
      // Another create may have taken the subnet in between.
      const error = toEdgeadmError(thrown);
      const lost = error.details.some((line) => /subnet .* is already (used|being used)/.test(line));
      if (!lost || attempt >= 10) throw error;
    }
  }
}

async function machineMounts({ machine }: CreateContext): Promise<Mount[]> {
  if (!(await machine.exists('/lib/modules'))) return [];
  return [{ source: '/lib/modules', target: '/lib/modules', readOnly: true }];
}

/** Refuses before anything is made when a container that is not ours has the name of a node. Errors: E_PLAYGROUND. */
export async function refuseTakenNames(ctx: CreateContext): Promise<void> {
  const ours = new Set(ctx.existing?.nodes.map(({ name }) => name));
  for (const { name } of planNodes(ctx.options, '0.0.0.0/24')) {
    if (ours.has(name) || !(await ctx.provider.isTaken(name))) continue;
    throw new EdgeadmError(
      'E_PLAYGROUND',
      `there is a container "${name}" already, and it is not edgeadm's`,
      {
        hint: 'Choose another name with --name, or remove that container.',
      },
    );
  }
}
