import { kubeconfigFlag } from '../config/flags/common.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';

/** Exit code for a node that would not come back; 1 is left for a check that could not be made. */
const wouldNotSurvive = 2;

const offlineCommand: CommandSpec = {
  name: 'offline',
  short: 'Say how long an edge node lives without the cloud, and what fails first',
  long: 'Looks at certificates, the cache of the node-local API proxy, images, units, addresses, the clock and disks of an edge node, and says for how many days it and all its pods live without the cloud, reboots included, what fails first, and what to mend. Without NODE it looks at this host, as root. With NODE it tells, on a control-plane node, what that node last published of itself.\n\nExit codes: 0 the node survives a reboot offline, 2 it does not, 1 the check could not be made.',
  examples: [
    '# On an edge node',
    'edgeadm check offline',
    '# On a control-plane node',
    'edgeadm check offline edge-1',
    '# For a script',
    'edgeadm check offline -o json',
  ].join('\n'),
  arguments: [{ name: '[node]', description: 'an edge node (default: this host)' }],
  flags: [kubeconfigFlag],
  run: (call) => runOffline(call),
};

export const checkCommand: CommandSpec = {
  name: 'check',
  short: 'Check a node: how long it lives without the cloud',
  examples: 'edgeadm check offline',
  commands: [offlineCommand],
};

async function runOffline(call: Call): Promise<Outcome> {
  const [name] = call.args;
  const [{ openHost }, { checkOffline, edgeNodeName }, { verdictText }] = await Promise.all([
    import('../host/open.ts'),
    import('../../phases/offline/index.ts'),
    import('./offline-text.ts'),
  ]);
  if (name === undefined || call.io.uid === 0) {
    if (name === undefined) requireRoot(call);
    // Reads only, so it must not wait for another run's lock.
    const host = await openHost({ emit: call.emit, dryRun: true, command: `edgeadm ${call.command}` });
    try {
      if (name === undefined || (await edgeNodeName(host)) === name) {
        const verdict = await checkOffline(host, { signal: call.signal });
        return outcome(verdict.survives, { ...verdict }, verdictText(verdict));
      }
    } finally {
      await host.close();
    }
  }
  return published(call, name!);
}

async function published(call: Call, name: string): Promise<Outcome> {
  const [{ connect }, { publishedNote, readPublished }, { verdictText }] = await Promise.all([
    import('../kube/client.ts'),
    import('../../phases/offline/published.ts'),
    import('./offline-text.ts'),
  ]);
  const kubeconfigPath = (call.flags.kubeconfig as string | undefined) ?? '/etc/kubernetes/admin.conf';
  const kube = await connect({ kubeconfigPath });
  const verdict = await readPublished(kube, name);
  return outcome(verdict.survives, { ...verdict }, verdictText(verdict, publishedNote(verdict)));
}

const outcome = (survives: boolean, data: Record<string, unknown>, text: string): Outcome => ({
  exitCode: survives ? 0 : wouldNotSurvive,
  data,
  text,
});
