import type { Emit } from '../workflow/events.ts';
import { allOrNothing } from './all-or-nothing.ts';
import { execute } from './command.ts';
import type { FileView } from './files/view.ts';
import { forget } from './forget.ts';
import type {
  Change,
  Command,
  CommandResult,
  FileFacts,
  JournaledHost,
  NetworkClaim,
  WorkState,
} from './host.ts';
import type { Backups } from './journal/backups.ts';
import type { Journal } from './journal/journal.ts';
import type { Lock } from './lock.ts';
import { claimNetwork } from './network/claim.ts';
import { editBlock } from './resources/block.ts';
import { makeDirectory } from './resources/directory.ts';
import { installFile, removeFile, symlink, type WriteOptions, writeFile } from './resources/file.ts';
import { loadModule } from './resources/module.ts';
import { claimSysctls, setSysctl } from './resources/sysctl.ts';
import { disableUnit, enableUnit } from './resources/unit.ts';
import { once, run, workState } from './resources/work.ts';
import type { Seam } from './seam.ts';
import { claimTree, removeTree } from './tree/claim.ts';
import { undoAll } from './undo.ts';

export interface LocalParts {
  name: string;
  dryRun: boolean;
  emit: Emit;
  view: FileView;
  journal: Journal;
  backups: Backups;
  /** None in a dry run. */
  lock: Lock | undefined;
  /** Value of PATH for commands. */
  searchPath: string;
}

/** This machine. Made by `openHost`. */
export class LocalHost implements JournaledHost, Seam {
  readonly name: string;
  readonly dryRun: boolean;
  readonly emit: Emit;
  readonly view: FileView;
  readonly journal: Journal;
  readonly backups: Backups;
  unitsChanged = false;
  readonly #lock: Lock | undefined;
  readonly #searchPath: string;
  /** In a dry run: work and facts that would be there by now. */
  readonly #plannedWork = new Set<string>();
  readonly #plannedFacts = new Map<string, unknown>();
  #queue: Promise<unknown> = Promise.resolve();
  /** The journal is gone; writing its end would make it anew. */
  #forgotten = false;

  constructor(parts: LocalParts) {
    this.name = parts.name;
    this.dryRun = parts.dryRun;
    this.emit = parts.emit;
    this.view = parts.view;
    this.journal = parts.journal;
    this.backups = parts.backups;
    this.#lock = parts.lock;
    this.#searchPath = parts.searchPath;
  }

  async readText(at: string): Promise<string | undefined> {
    return (await this.view.read(at))?.toString('utf8');
  }

  stat(at: string): Promise<FileFacts | undefined> {
    return this.view.facts(at);
  }

  async list(at: string): Promise<string[]> {
    return (await this.view.list(at)) ?? [];
  }

  query(command: Command, options: { allowFailure?: boolean } = {}): Promise<CommandResult> {
    return this.execute(command, { level: 4, ...options });
  }

  writeFile(at: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<boolean> {
    return this.#inTurn(() => writeFile(this, at, content, options));
  }

  installFile(
    source: string,
    at: string,
    options: { mode?: number; sha256?: string } = {},
  ): Promise<boolean> {
    return this.#inTurn(() => installFile(this, source, at, options));
  }

  makeDirectory(at: string, options: { mode?: number } = {}): Promise<boolean> {
    return this.#inTurn(() => makeDirectory(this, at, options.mode));
  }

  symlink(target: string, at: string): Promise<boolean> {
    return this.#inTurn(() => symlink(this, target, at));
  }

  remove(at: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const facts = await this.view.facts(at);
      return facts?.kind === 'directory' ? removeTree(this, at) : removeFile(this, at);
    });
  }

  editBlock(at: string, marker: string, lines: readonly string[]): Promise<boolean> {
    return this.#inTurn(() => editBlock(this, at, marker, lines));
  }

  setSysctl(key: string, value: string): Promise<boolean> {
    return this.#inTurn(() => setSysctl(this, key, value));
  }

  loadModule(name: string): Promise<boolean> {
    return this.#inTurn(() => loadModule(this, name));
  }

  enableUnit(
    unit: string,
    options: { start?: boolean; restart?: boolean; version?: string } = {},
  ): Promise<boolean> {
    return enableUnit(this, unit, options);
  }

  disableUnit(unit: string, options: { stop?: boolean } = {}): Promise<boolean> {
    return disableUnit(this, unit, options);
  }

  run(command: Command, change: Change): Promise<CommandResult> {
    return run(this, this.#plannedWork, command, change);
  }

  claimTree(at: string, options: { content?: boolean } = {}): Promise<boolean> {
    return this.#inTurn(() => claimTree(this, at, options));
  }

  claimNetwork(claim: NetworkClaim = {}): Promise<boolean> {
    return this.#inTurn(() => claimNetwork(this, claim));
  }

  claimSysctls(keys: readonly string[]): Promise<boolean> {
    return this.#inTurn(() => claimSysctls(this, keys));
  }

  state(key: string): WorkState {
    return workState(this, this.#plannedWork, key);
  }

  once(key: string, summary: string, work: () => Promise<void>): Promise<boolean> {
    return once(this, this.#plannedWork, key, summary, work);
  }

  allOrNothing<T>(work: () => Promise<T>): Promise<T> {
    return allOrNothing(this, work);
  }

  async remember(key: string, value: unknown): Promise<void> {
    if (JSON.stringify(value) === JSON.stringify(this.recall(key))) return;
    if (this.dryRun) this.#plannedFacts.set(key, value);
    else await this.journal.remember(key, value);
  }

  recall<T>(key: string): T | undefined {
    return (this.#plannedFacts.has(key) ? this.#plannedFacts.get(key) : this.journal.fact(key)) as
      | T
      | undefined;
  }

  undoAll(options: {
    signal: AbortSignal;
    keep?: (key: string) => boolean;
  }): Promise<{ undone: number; warnings: string[] }> {
    return undoAll(this, options);
  }

  async forget(options: { force?: boolean } = {}): Promise<void> {
    await this.#queue;
    this.#forgotten = await forget(this, options);
    await this.#lock?.release();
  }

  async close(): Promise<void> {
    await this.#queue;
    if (!this.dryRun && !this.#forgotten) {
      if (this.journal.isEmpty) await forget(this, {}).catch((error: Error) => this.#warn(error));
      else await this.journal.end();
    }
    await this.journal.close();
    await this.#lock?.release();
  }

  execute(
    command: Command,
    options: { allowFailure?: boolean; level?: number } = {},
  ): Promise<CommandResult> {
    const { allowFailure = false, level = 1 } = options;
    return execute(command, {
      emit: this.emit,
      path: this.#searchPath,
      run: this.journal.run,
      level,
      allowFailure,
    });
  }

  #warn({ message }: Error): void {
    this.emit({ type: 'warning', code: 'E_JOURNAL', message });
  }

  /** One change of files at a time: two writes may need the same missing directory. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }
}
