import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { playgroundCreate, playgroundDelete } from '../../../src/commands/playground.ts';
import type { CommandResult } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import { waitBooted } from '../../../src/playground/boot.ts';
import { type EdgeadmOutcome, type EdgeadmRun, runEdgeadm } from '../../../src/playground/edgeadm.ts';
import { disconnect, reconnect } from '../../../src/playground/link.ts';
import { listPlaygrounds } from '../../../src/playground/list.ts';
import { readNodeFile } from '../../../src/playground/node-files.ts';
import { programNode } from '../../../src/playground/node-package.ts';
import { podmanProvider } from '../../../src/playground/podman.ts';
import type { ExecOptions, Provider } from '../../../src/playground/provider.ts';
import { removePlayground } from '../../../src/playground/remove.ts';
import type { NodePlan, Playground } from '../../../src/playground/types.ts';
import type { Emit } from '../../../src/workflow/events.ts';
import { testPackage } from './package.ts';
import { excludedPaths, type Snapshot } from './snapshot.ts';

export interface TestPlaygroundOptions {
  controlPlanes?: number;
  workers?: number;
  edges?: number;
  sites?: number;
  /** Default true: most tests install by themselves. */
  bare?: boolean;
  kubernetesVersion?: string;
  /** Package file or folder; default `testPackage()`. */
  package?: string;
  config?: string;
}

export interface TestNode extends NodePlan {
  /** Also the name of its Node object. */
  hostname: string;
  /** Runs a program; throws on a non-zero exit unless `allowFailure`. */
  run(command: readonly [string, ...string[]], options?: ExecOptions): Promise<CommandResult>;
  /** Runs a shell script, for the shell's sake: pipes, loops. */
  sh(script: string, options?: ExecOptions): Promise<CommandResult>;
  /** Runs `edgeadm ARGS -o json`; never throws for an exit code. */
  edgeadm(args: readonly string[], options?: EdgeadmRun): Promise<EdgeadmOutcome>;
  read(path: string): Promise<string>;
  /** Makes the parent folder too. */
  write(path: string, content: string, mode?: number): Promise<void>;
  snapshot(): Promise<Snapshot>;
  disconnect(): Promise<void>;
  connect(): Promise<void>;
  /** Returns when systemd is up again. */
  reboot(options?: { powerCut?: boolean }): Promise<void>;
}

export interface TestPlayground extends AsyncDisposable {
  name: string;
  subnet: string;
  nodes: TestNode[];
  /** The first control plane. */
  controlPlane: TestNode;
  /** By short name: `edge-1`. */
  node(short: string): TestNode;
  /** Path, in every node, of the install package. */
  packagePath: string;
  /** Runs kubectl as administrator in the first control plane. */
  kubectl(args: readonly string[], options?: ExecOptions): Promise<CommandResult>;
  /** `kubectl … -o json`, parsed. */
  kubectlJson<T>(args: readonly string[]): Promise<T>;
  delete(): Promise<void>;
}

/** Events of the machine's side of tests are shown with EDGEADM_TEST_VERBOSE=LEVEL. */
const verbosity = Number(process.env.EDGEADM_TEST_VERBOSE ?? 0);
const emit: Emit = (event) => {
  if (verbosity === 0 || event.type === 'progress') return;
  if (event.type !== 'log' || event.level <= verbosity) console.error(JSON.stringify(event));
};

let count = 0;

/**
 * Boots nodes with a unique name. Use it with `await using`, or call `delete` in an `afterAll`; what a test process that
 * was killed left behind is removed by the next one.
 */
export async function createTestPlayground(options: TestPlaygroundOptions = {}): Promise<TestPlayground> {
  const provider = podmanProvider(emit);
  await removeLeftovers(provider);
  count += 1;
  const name = `test-${process.pid}-${count}`;
  const { signal } = new AbortController();
  try {
    const { playground, packagePath } = await playgroundCreate(
      {
        bare: true,
        ...options,
        package: options.package ?? (await testPackage(options.kubernetesVersion)),
        name,
      },
      { emit, signal },
    );
    return wrap(provider, playground, packagePath);
  } catch (error) {
    if (process.env.EDGEADM_TEST_KEEP) throw error;
    await playgroundDelete({ name }, { emit, signal }).catch(() => {});
    throw error;
  }
}

function wrap(provider: Provider, playground: Playground, packagePath: string): TestPlayground {
  const nodes = playground.nodes.map((node) => wrapNode(provider, playground, node.name));
  const node = (short: string): TestNode => {
    const found = nodes.find((each) => each.short === short);
    if (!found) throw new Error(`no node ${short} among ${nodes.map((each) => each.short).join(', ')}`);
    return found;
  };
  const remove = async (): Promise<void> => {
    // For a look at the nodes of a failed test.
    if (process.env.EDGEADM_TEST_KEEP) return;
    await removePlayground(provider, playground);
  };
  const kubectl = (args: readonly string[], options: ExecOptions = {}): Promise<CommandResult> =>
    node('control-plane-1').run(['kubectl', '--kubeconfig', paths.adminConf, ...args], {
      ...options,
      // Not in root's home, which snapshots look at.
      env: { KUBECACHEDIR: '/tmp/kubectl-cache', ...options.env },
    });
  return {
    name: playground.name,
    subnet: playground.subnet,
    nodes,
    node,
    get controlPlane() {
      return node('control-plane-1');
    },
    packagePath,
    kubectl,
    async kubectlJson<T>(args: readonly string[]) {
      return JSON.parse((await kubectl([...args, '-o', 'json'])).stdout) as T;
    },
    delete: remove,
    [Symbol.asyncDispose]: remove,
  };
}

function wrapNode(provider: Provider, playground: Playground, name: string): TestNode {
  const plan = playground.nodes.find((node) => node.name === name)!;
  const run = (command: readonly [string, ...string[]], options?: ExecOptions) =>
    provider.exec(name, command, options);
  return {
    ...plan,
    hostname: plan.name,
    run,
    sh: (script, options) => run(['sh', '-euc', script], options),
    edgeadm: (args, options) => runEdgeadm(provider, name, args, options),
    read: (path) => readNodeFile(provider, name, path),
    async write(path, content, mode = 0o644) {
      await run(['install', '-D', '-m', mode.toString(8), '/dev/stdin', path], { input: content });
    },
    async snapshot() {
      const input = await readFile(join(import.meta.dirname, 'snapshot-script.js'), 'utf8');
      const args = ['--input-type=module', '-', JSON.stringify(excludedPaths)];
      const { stdout } = await run([programNode, ...args], { input });
      return JSON.parse(stdout) as Snapshot;
    },
    disconnect: () => disconnect(provider, playground, plan),
    connect: () => reconnect(provider, plan),
    async reboot({ powerCut = false } = {}) {
      await provider.rebootNode(name, { powerCut });
      await waitBooted(provider, name, { signal: AbortSignal.timeout(120_000), allowDegraded: true });
    },
  };
}

/** Removes playgrounds of test processes that are no longer there. */
async function removeLeftovers(provider: Provider): Promise<void> {
  if (count > 0) return;
  // Without podman there is nothing yet.
  const playgrounds = await listPlaygrounds(provider).catch(() => []);
  for (const playground of playgrounds) {
    const pid = /^test-(\d+)-\d+$/.exec(playground.name)?.[1];
    if (pid && pid !== String(process.pid) && !existsSync(`/proc/${pid}`))
      await removePlayground(provider, playground);
  }
}
