import { join } from 'node:path';
import type { KubeDocument } from '../../src/config/types.ts';
import { EdgeadmError, toEdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase, PhaseRun, Unmet } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { claimKubernetes } from '../node/claims.ts';

export interface KubeadmRun {
  /** `['init']`, `['init', 'phase', 'certs', 'ca']`. */
  command: readonly string[];
  /** Added behind the command; no secrets (they stand in the documents). */
  args?: readonly string[];
  /** Handed over as --config in a 0600 file that is removed afterwards, since it holds tokens and keys. */
  documents?: readonly KubeDocument[];
  /** Key of the journal entry; the whole of `kubeadm init` is done once. */
  key: string;
  once?: boolean;
  summary: string;
  timeoutMs?: number;
  /** Values that kubeadm may print and that must not be shown on: tokens, keys. */
  secrets?: readonly string[];
}

/** kubeadm is there when the package phase ran, or the host has one of its own. */
export async function requiresKubeadm(ctx: {
  host: NodeContext['host'];
  command?: string;
}): Promise<Unmet | undefined> {
  if (ctx.host.dryRun || (await ctx.host.stat(kubeadmPath))) return undefined;
  return {
    reason: `${kubeadmPath} is not on this host`,
    hint: `Run \`edgeadm ${ctx.command ?? 'init'} phase package --install-pkg-path FILE\` first.`,
  };
}

export const kubeadmPath = join(paths.bin, 'kubeadm');

/** Shells out to the unmodified kubeadm; each `[step] message` line of its output becomes progress. Throws E_KUBEADM. */
export async function runKubeadm(
  ctx: Pick<NodeContext, 'host'>,
  run: PhaseRun,
  { command, args = [], documents, key, once = true, summary, timeoutMs = 600_000, secrets = [] }: KubeadmRun,
): Promise<string> {
  const { host } = ctx;
  const lines: string[] = [];
  if (documents) {
    const { renderDocuments } = await import('../../src/config/documents.ts');
    await host.writeFile(paths.kubeadmConfig, renderDocuments([...documents]), { mode: 0o600, secret: true });
  }
  try {
    const result = await host.run(
      {
        file: kubeadmPath,
        args: [...command, ...(documents ? ['--config', paths.kubeadmConfig] : []), ...args],
        timeoutMs,
        signal: run.signal,
        secrets,
        onLine: (line) => {
          lines.push(line);
          const step = /^\[([a-z-]+)\] (.+)$/.exec(line);
          if (step && !secrets.some((secret) => line.includes(secret)))
            run.progress(`${step[1]}: ${step[2]}`);
        },
      },
      { key, once, summary },
    );
    return result.stdout;
  } catch (thrown) {
    const error = toEdgeadmError(thrown);
    if (error.code !== 'E_COMMAND') throw error;
    throw new EdgeadmError('E_KUBEADM', `kubeadm ${command.join(' ')} failed: ${cause(lines)}`, {
      details: [...error.details],
      hint: advice(lines),
      cause: error,
    });
  } finally {
    if (documents) await host.remove(paths.kubeadmConfig);
  }
}

/** kubeadm's own words for what went wrong: its last `[ERROR …]` or `error:` line. */
function cause(lines: readonly string[]): string {
  const found = lines.findLast((line) => /\[ERROR [^\]]+\]|^error[: ]|^\S+ failed/i.test(line.trim()));
  return found?.trim().replace(/^error:?\s*/i, '') ?? lines.at(-1)?.trim() ?? 'no output';
}

function advice(lines: readonly string[]): string {
  const text = lines.join('\n');
  if (/timed out waiting for the condition|kubelet is not (running|healthy)|context deadline/i.test(text)) {
    return 'Look at `journalctl -u kubelet -e` and `ctr -n k8s.io containers ls`, then run the same command again: it goes on where it stopped.';
  }
  return 'Mend what is named above and run the same command again: it goes on where it stopped. `edgeadm reset` undoes everything.';
}

/** One of kubeadm's own phases as a phase of ours: run alone it shells out to `kubeadm <command> phase <name>`. */
export interface KubeadmPhaseSpec {
  name: string;
  short: string;
  phases?: readonly KubeadmPhaseSpec[];
  /** What kubeadm calls running all children; default `all`. */
  whole?: string;
}

/** Those of the phases to skip that kubeadm knows; the others are edgeadm's. */
export function kubeadmSkips(names: readonly string[], specs: readonly KubeadmPhaseSpec[]): string[] {
  const known = new Set(['preflight', 'show-join-command', ...specs.map(({ name }) => name)]);
  return names.filter((name) => known.has(name.split('/')[0]!));
}

/** What edgeadm adds to one of kubeadm's phases. */
export interface KubeadmPhaseAddition<C> {
  args?: readonly string[];
  skip?(ctx: C): string | undefined;
  /** Tells the user what kubeadm printed for them. */
  after?(ctx: C): void;
}

export interface KubeadmPhaseOptions<C> {
  documents(ctx: C): readonly KubeDocument[];
  /** See KubeadmRun. */
  secrets(ctx: C): readonly string[];
  /** By full name. */
  additions?: Readonly<Record<string, KubeadmPhaseAddition<C>>>;
}

/** Turns kubeadm's phase tree into phases that run only by name; a whole run makes one joint kubeadm call instead. */
export function kubeadmPhases<C extends NodeContext>(
  command: 'init' | 'join',
  specs: readonly KubeadmPhaseSpec[],
  options: KubeadmPhaseOptions<C>,
  parents: readonly string[] = [],
): Phase<C>[] {
  return specs.map((spec) => {
    const path = [...parents, spec.name];
    const full = path.join('/');
    const children = spec.phases ? kubeadmPhases(command, spec.phases, options, path) : undefined;
    const { args = [], skip, after } = options.additions?.[full] ?? {};
    return {
      name: spec.name,
      short: `kubeadm: ${spec.short}`,
      example: `edgeadm ${command} phase ${path.join(' ')}`,
      onlyByName: true,
      requires: requiresKubeadm,
      ...(skip ? { skip } : {}),
      // kubeadm's own phase does its children; only a child named alone is called alone.
      ...(children ? { phases: children } : {}),
      async run(ctx, run) {
        await claimKubernetes(ctx);
        await runKubeadm(ctx, run, {
          command: [command, 'phase', ...path, ...(spec.phases ? [spec.whole ?? 'all'] : [])],
          args,
          documents: options.documents(ctx),
          key: `kubeadm-${command}-phase:${full}`,
          once: false,
          summary: `kubeadm ${command} phase ${path.join(' ')}`,
          secrets: options.secrets(ctx),
        });
        if (!ctx.host.dryRun) after?.(ctx);
        return true;
      },
    };
  });
}
