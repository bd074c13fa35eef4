import { EdgeadmError } from '../errors.ts';
import { requireRoot } from './privilege.ts';
import type { CommandSpec } from './spec.ts';

/** Run by the unit edgeadm-lite-apiserver.service of an edge node; nobody types it. */
export const liteApiserverCommand: CommandSpec = {
  name: 'lite-apiserver',
  short: "Run an edge node's own process: the caching API proxy and what works beside it",
  long: 'Puts the edge virtual address on its link, answers for the API server from a cache while it cannot be reached, and renews its own certificate. `edgeadm status` looks into it.',
  examples: 'edgeadm lite-apiserver --config /var/lib/edgeadm/lite-apiserver/config.yaml',
  flags: [
    {
      group: 'edgeadm',
      withConfig: true,
      name: 'config',
      value: 'string',
      argName: 'file',
      description: 'file with a LiteApiserverConfiguration, as `edgeadm join` writes it',
    },
  ],
  hidden: true,
  async run(call) {
    requireRoot(call);
    const { config } = call.flags;
    if (typeof config !== 'string' || config === '') {
      throw new EdgeadmError('E_USAGE', '"edgeadm lite-apiserver" needs --config', {
        hint: 'Give the file that `edgeadm join` wrote: --config /var/lib/edgeadm/lite-apiserver/config.yaml.',
      });
    }
    // What `top`, `ss` and the check of ports show; else they say MainThread.
    call.io.showAs?.('edgeadm lite-apiserver');
    const { runNode } = await import('../edge/node/run.ts');
    await runNode({ configFile: config }, { signal: call.signal, emit: call.emit });
    return undefined;
  },
};
