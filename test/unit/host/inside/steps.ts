/** A small installation on the root in the first argument. */
import { openHost } from '../../../../src/host/open.ts';

const root = process.argv[2] ?? '';
const host = await openHost({ emit: () => {}, command: 'edgeadm steps', root });
await host.claimTree('/var/lib/kubelet');
await host.writeFile('/etc/old', 'new');
await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 one']);
await host.run(
  { file: 'sh', args: ['-c', 'echo x >> "$1/count"', 'sh', root] },
  { key: 'count', summary: 'count' },
);
await host.remove('/etc/gone');
await host.writeFile('/opt/new', 'new', { mode: 0o600 });
await host.close();
process.stdout.write('done');
