import { nodeNameFault, suggestNodeName } from '../../src/config/names.ts';
import { type Check, error, type NodeSettings, warning } from './check.ts';

export const hostname: Check<NodeSettings> = {
  name: 'Hostname',
  async run(host, { nodeName }, { signal }) {
    const fault = nodeNameFault(nodeName);
    if (fault) {
      const better = suggestNodeName(nodeName);
      const fix = `Pass --node-name${better ? ` ${better}` : ''}, or set the host name with \`hostnamectl hostname\`.`;
      return [error(`"${nodeName}" ${fault}`, fix)];
    }
    const { exitCode } = await host.query(
      { file: 'getent', args: ['ahosts', nodeName], signal },
      { allowFailure: true },
    );
    if (exitCode === 0) return [];
    const fix = `Add a line to /etc/hosts: the address of this host, then ${nodeName}.`;
    return [warning(`the node name ${nodeName} does not resolve on this host`, fix)];
  },
};
