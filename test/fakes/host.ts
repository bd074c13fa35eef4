import path from 'node:path';
import { blockOf, withBlock } from '../../src/host/files/block.ts';
import type {
  Change,
  Command,
  CommandResult,
  FileFacts,
  JournaledHost,
  NetworkClaim,
  WorkState,
} from '../../src/host/host.ts';
import { quoteCommand } from '../../src/host/quote.ts';
import type { Event } from '../../src/workflow/events.ts';
import { FakeCommands, type Reply } from './host-commands.ts';
import { FakeFiles, type FakeNode } from './host-files.ts';
import { FakeJournal } from './host-journal.ts';

export interface FakeHostOptions {
  name?: string;
  dryRun?: boolean;
  /** Content by path; directories above them exist. */
  files?: Record<string, string>;
  /** Programs that are not there: E_COMMAND_MISSING. */
  missing?: readonly string[];
  units?: Record<string, { enabled?: boolean; active?: boolean }>;
  sysctls?: Record<string, string>;
}

/**
 * A host in memory for tests of phases. What it promises:
 *
 * - Files, links, blocks, directories, units and sysctls behave as on LocalHost: the same return values (false when
 *   nothing had to be done), parents made, `undoAll` gives back the first state, newest first. `contract.test.ts` holds
 *   the two together.
 * - Files have no owner, size is that of the UTF-8 text, binary content is kept as latin1.
 * - A command runs nothing: it is recorded in `commands` and answered by the latest matching `reply`, else with exit
 *   status 0 and no output. A reply with another exit status is E_COMMAND as on LocalHost; `missing` programs are
 *   E_COMMAND_MISSING. Lines of the reply go to `onLine`.
 * - `fail(key, error)` makes the change with this journal key (`file:/etc/x`, `unit:u`, `work:k`, `sysctl:s`) throw after
 *   its intent was journaled, as a crash would: `state` then says `started`.
 * - Claims are only recorded (`claims`); what programs do by themselves, a reply does through `files`.
 * - With `dryRun` nothing is kept but an overlay that reads see; `change` events are `planned`.
 */
export class FakeHost implements JournaledHost {
  readonly name: string;
  readonly dryRun: boolean;
  readonly events: Event[] = [];
  readonly claims: string[] = [];
  readonly facts = new Map<string, unknown>();
  readonly units = new Map<string, { enabled: boolean; active: boolean; starts: number; version?: string }>();
  readonly sysctls: Map<string, string>;
  readonly modules = new Set<string>();
  closed = false;
  forgotten = false;
  readonly #files = new FakeFiles();
  readonly #commands: FakeCommands;
  readonly #journal: FakeJournal;

  constructor(options: FakeHostOptions = {}) {
    this.name = options.name ?? 'fake';
    this.dryRun = options.dryRun ?? false;
    this.#commands = new FakeCommands(options.missing);
    this.#journal = new FakeJournal(this);
    this.sysctls = new Map(Object.entries(options.sysctls ?? {}));
    for (const [unit, { enabled = false, active = false }] of Object.entries(options.units ?? {})) {
      this.units.set(unit, { enabled, active, starts: 0 });
    }
    for (const [at, content] of Object.entries(options.files ?? {})) this.put(at, content);
  }

  readonly emit = (event: Event): void => {
    this.events.push(event);
  };

  /** Files by path with their content, to look at after a test. */
  get files(): Record<string, string> {
    return this.#files.contents();
  }

  /** Keys of changes in the order they were journaled. */
  get journal(): readonly string[] {
    return this.#journal.keys;
  }

  /** Every command, queries included, in order. */
  get commands(): readonly Command[] {
    return this.#commands.asked;
  }

  /** Command lines as a shell would read them. */
  get lines(): string[] {
    return this.commands.map(({ file, args }) => quoteCommand(file, args));
  }

  /** `change` events as `action target`. */
  get changes(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'change' ? [`${event.action} ${event.target}`] : [],
    );
  }

  /** Puts a file there, as something else than the phase would. */
  put(at: string, content: string, mode = 0o644): void {
    this.#files.put(at, content, mode);
  }

  /** Answers commands whose line (`kubeadm init …`) starts with a text or matches a pattern; later ones win. */
  reply(match: string | RegExp, reply: Reply): this {
    this.#commands.reply(match, reply);
    return this;
  }

  fail(key: string, error: Error): this {
    this.#journal.fail(key, error);
    return this;
  }

  async readText(at: string): Promise<string | undefined> {
    return this.#files.text(at);
  }

  async stat(at: string): Promise<FileFacts | undefined> {
    return this.#files.facts(at);
  }

  async list(at: string): Promise<string[]> {
    return this.#files.list(at);
  }

  async query(command: Command, options: { allowFailure?: boolean } = {}): Promise<CommandResult> {
    return this.#commands.execute(command, options.allowFailure === true);
  }

  async writeFile(
    at: string,
    content: string | Uint8Array,
    options: { mode?: number } = {},
  ): Promise<boolean> {
    const text = typeof content === 'string' ? content : Buffer.from(content).toString('latin1');
    const old = this.#files.get(at);
    const mode = options.mode ?? (old?.kind === 'file' ? old.mode : 0o644);
    if (old?.kind === 'file' && old.content === text && old.mode === mode) return false;
    return this.#node('write', at, { kind: 'file', content: text, mode });
  }

  /** The content is a note of where it came from. */
  async installFile(source: string, at: string, options: { mode?: number } = {}): Promise<boolean> {
    return this.writeFile(at, `installed from ${source}`, { mode: options.mode ?? 0o755 });
  }

  async makeDirectory(at: string, options: { mode?: number } = {}): Promise<boolean> {
    const old = this.#files.get(at);
    const mode = options.mode ?? (old?.kind === 'directory' ? old.mode : 0o755);
    if (at === '/' || (old?.kind === 'directory' && old.mode === mode)) return false;
    return this.#node('mkdir', at, { kind: 'directory', mode }, `dir:${at}`);
  }

  async symlink(target: string, at: string): Promise<boolean> {
    const old = this.#files.get(at);
    if (old?.kind === 'symlink' && old.target === target) return false;
    return this.#node('link', at, { kind: 'symlink', target });
  }

  async remove(at: string): Promise<boolean> {
    const below = this.#files.below(at);
    if (below.length === 0) return false;
    const key = this.#files.get(at)?.kind === 'directory' ? `remove:${at}` : `file:${at}`;
    return this.#journal.change({
      key,
      action: 'remove',
      target: at,
      act: () => {
        for (const [place] of below) this.#files.set(place, undefined);
      },
      undo: () => {
        for (const [place, node] of below) this.#files.set(place, node);
      },
    });
  }

  async editBlock(at: string, marker: string, lines: readonly string[]): Promise<boolean> {
    const target = this.#files.follow(at);
    const old = this.#files.get(target);
    const text = (await this.readText(target)) ?? '';
    const wanted = withBlock(text, marker, lines.length === 0 ? undefined : lines);
    if (wanted === text) return false;
    const former = blockOf(text, marker);
    const mode = old?.kind === 'file' ? old.mode : 0o644;
    await this.#above(target);
    return this.#journal.change({
      key: `block:${target}#${marker}`,
      action: 'edit',
      target,
      act: () => this.#files.set(target, { kind: 'file', content: wanted, mode }),
      undo: async () => {
        const content = withBlock((await this.readText(target)) ?? '', marker, former);
        if (!old && content === '') this.#files.set(target, undefined);
        else
          this.#files.set(target, { kind: 'file', content: content === `${text}\n` ? text : content, mode });
      },
    });
  }

  async setSysctl(key: string, value: string): Promise<boolean> {
    const old = this.sysctls.get(key);
    if (old === value) return false;
    return this.#journal.change({
      key: `sysctl:${key}`,
      action: 'sysctl',
      target: key,
      act: () => this.sysctls.set(key, value),
      undo: () => (old === undefined ? this.sysctls.delete(key) : this.sysctls.set(key, old)),
    });
  }

  async loadModule(name: string): Promise<boolean> {
    if (this.modules.has(name)) return false;
    return this.#journal.change({
      key: `module:${name}`,
      action: 'module',
      target: name,
      act: () => this.modules.add(name),
      undo: () => this.modules.delete(name),
    });
  }

  async enableUnit(
    unit: string,
    options: { start?: boolean; restart?: boolean; version?: string } = {},
  ): Promise<boolean> {
    const old = this.units.get(unit) ?? { enabled: false, active: false, starts: 0 };
    const start = options.start !== false;
    const stale = options.version !== undefined && options.version !== old.version;
    const run = start && (!old.active || options.restart === true || stale);
    if (old.enabled && !run) return false;
    const { version = old.version } = options;
    const next = { enabled: true, active: old.active || start, starts: old.starts + (run ? 1 : 0) };
    return this.#unit(unit, version === undefined ? next : { ...next, version });
  }

  async disableUnit(unit: string, options: { stop?: boolean } = {}): Promise<boolean> {
    const old = this.units.get(unit) ?? { enabled: false, active: false, starts: 0 };
    const active = old.active && options.stop === false;
    if (!old.enabled && old.active === active) return false;
    return this.#unit(unit, { ...old, enabled: false, active });
  }

  async run(command: Command, change: Change): Promise<CommandResult> {
    let result: CommandResult = { exitCode: 0, stdout: '', stderr: '' };
    if (change.once !== false && this.state(change.key) === 'done') return result;
    const { key, undo } = change;
    await this.#journal.work(key, 'run', {
      work: async () => {
        result = await this.#commands.execute(command, false);
      },
      undo: undo && (() => this.#commands.execute(undo, false)),
    });
    return result;
  }

  async claimTree(at: string, options: { content?: boolean } = {}): Promise<boolean> {
    return this.#claim(`tree:${at}${options.content ? ' content' : ''}`);
  }

  async claimNetwork(_claim: NetworkClaim = {}): Promise<boolean> {
    return this.#claim('network');
  }

  async claimSysctls(keys: readonly string[]): Promise<boolean> {
    return keys.map((key) => this.#claim(`sysctl:${key}`)).includes(true);
  }

  state(key: string): WorkState {
    return this.#journal.state(key);
  }

  async once(key: string, _summary: string, work: () => Promise<void>): Promise<boolean> {
    if (this.state(key) === 'done') return false;
    return this.#journal.work(key, 'work', { work });
  }

  allOrNothing<T>(work: () => Promise<T>): Promise<T> {
    return this.#journal.allOrNothing(work);
  }

  async remember(key: string, value: unknown): Promise<void> {
    this.facts.set(key, value);
  }

  recall<T>(key: string): T | undefined {
    return this.facts.get(key) as T | undefined;
  }

  undoAll(options: {
    signal: AbortSignal;
    keep?: (key: string) => boolean;
  }): Promise<{ undone: number; warnings: string[] }> {
    return this.#journal.undoAll(options);
  }

  async forget(): Promise<void> {
    this.forgotten = this.#journal.isEmpty;
    this.closed = true;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async #node(action: string, at: string, node: FakeNode, key = `file:${at}`): Promise<boolean> {
    await this.#above(at);
    const old = this.#files.get(at);
    return this.#journal.change({
      key,
      action,
      target: at,
      act: () => this.#files.set(at, node),
      undo: () => this.#files.set(at, old),
    });
  }

  #unit(
    unit: string,
    next: { enabled: boolean; active: boolean; starts: number; version?: string },
  ): Promise<boolean> {
    const old = this.units.get(unit);
    return this.#journal.change({
      key: `unit:${unit}`,
      action: 'unit',
      target: unit,
      act: () => this.units.set(unit, next),
      undo: () => (old ? this.units.set(unit, old) : this.units.delete(unit)),
    });
  }

  #claim(claim: string): boolean {
    if (this.dryRun || this.claims.includes(claim)) return false;
    this.claims.push(claim);
    return true;
  }

  /** Missing directories are changes of their own. */
  async #above(at: string): Promise<void> {
    const above = path.dirname(at);
    if (above !== '/' && !this.#files.get(above)) await this.makeDirectory(above);
  }
}
