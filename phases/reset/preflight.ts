import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { ResetContext } from './context.ts';

/** Asks before anything is taken away, unless --force. */
export const preflightPhase: Phase<ResetContext> = {
  name: 'preflight',
  aliases: ['pre-flight'],
  short: 'Check that there is something to reset, and ask',
  async run(ctx) {
    const { host, settings } = ctx;
    if (!host.dryRun && process.getuid?.() !== 0 && !settings.ignorePreflightErrors.includes('all')) {
      throw new EdgeadmError('E_PREFLIGHT', 'reset must run as root', { hint: 'Run it with sudo.' });
    }
    const journal = await host.stat(paths.journal);
    if (!journal) {
      ctx.emit({
        type: 'warning',
        message: `there is no journal at ${paths.journal}: this host was not set up by edgeadm, or has been reset`,
        hint: 'Only what kubeadm reset itself removes will be removed.',
      });
      if (!(await host.stat(paths.kubernetes))) return false;
    }
    if (settings.force || host.dryRun) return false;
    const agreed = await ctx.confirm(
      `All that edgeadm and kubeadm set up on ${host.name} will be removed: containers, etcd data, certificates. Go on?`,
    );
    if (!agreed) {
      throw new EdgeadmError('E_PREFLIGHT', 'not confirmed: nothing was changed', {
        hint: 'Answer y, or pass --force in scripts.',
      });
    }
    return false;
  },
};
