import { localImageName } from '../node/image-name.ts';
import { applyVariant, withoutLocalApi } from './edge-variant.ts';
import type { Addon } from './index.ts';

/** Edge nodes have a CoreDNS each, at the edge virtual address; kubeadm's stays for all others. */
export const edgeDns: Addon = {
  name: 'edge-dns',
  short: 'Install the CoreDNS of each edge node, which works while it is offline',
  example: 'edgeadm init phase edge-addons edge-dns',
  edgeOnly: true,
  skip: ({ edge }) => withoutLocalApi(edge),
  async run(ctx, run) {
    const { edgeDnsObjects } = await import('../../src/kube/edge-variants.ts');
    const packaged = async () => {
      const image = (await ctx.package.images()).find(({ name }) => /\/coredns:/.test(name));
      return image && localImageName(ctx, image.name);
    };
    const settings = {
      virtualAddress: ctx.edge.virtualAddress,
      dnsDomain: ctx.settings.dnsDomain,
      ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    };
    const variant = await edgeDnsObjects(ctx.host.dryRun ? undefined : await ctx.kube(), settings, packaged);
    return applyVariant(ctx, run, 'coredns-edge', variant);
  },
};
