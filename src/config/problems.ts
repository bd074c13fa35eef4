import { EdgeadmError, type ErrorCode } from '../errors.ts';
import { camelCase, type FlagSpec, type FlagValues } from './flags/spec.ts';

/** Notes a fault at a field; `message` goes on from the place: `"x" is not a CIDR`. */
export type Report = (path: string, message: string, more?: { code?: ErrorCode; hint?: string }) => void;

interface Problem {
  /** Kind of the document, or `machine` and `flag` for places that are none of a document. */
  kind: string;
  path: string;
  message: string;
  code: ErrorCode;
  hint: string | undefined;
}

/** Where values came from, so that a fault is named by what the user typed. */
export interface Origin {
  /** Path of the configuration file, if there is one. */
  file: string | undefined;
  table: readonly FlagSpec[];
  flags: FlagValues;
}

/** Collects all faults of a configuration, so that they can be corrected in one go. */
export class Problems {
  readonly #found: Problem[] = [];
  readonly #origin: Origin;
  readonly #places = new Map<string, string>();

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** A reporter for the fields of one document. */
  of(kind: string): Report {
    return (path, message, { code = 'E_CONFIG_INVALID', hint } = {}) => {
      this.#found.push({ kind, path, message, code, hint });
    };
  }

  /** Names the place where the user typed the value of a field that no single flag stands for. */
  typedAt(place: string, kind: string, path: string): void {
    this.#places.set(`${kind} ${path}`, place);
  }

  get empty(): boolean {
    return this.#found.length === 0;
  }

  /** Throws one error for all faults: the first is its message, code and hint, the others are its details. */
  throwIfAny(): void {
    const [first, ...others] = this.#found;
    if (!first) return;
    const line = (problem: Problem) => `${this.#place(problem)}: ${problem.message}`;
    const message = line(first);
    const lines = others
      .filter((problem) => line(problem) !== message)
      .map((problem) => `${line(problem)}${problem.hint === undefined ? '' : ` (${problem.hint})`}`);
    throw new EdgeadmError(first.code, message, {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      details: [...new Set(lines)],
    });
  }

  #place({ kind, path }: Problem): string {
    if (kind === 'flag' || kind === 'machine') return path;
    const typed = this.#places.get(`${kind} ${path}`);
    if (typed !== undefined) return typed;
    const dotted = path.replace(/\[(\d+)\]/g, '.$1');
    const flag = this.#origin.table.find(
      ({ name, target }) =>
        target?.kind === kind &&
        this.#origin.flags[camelCase(name)] !== undefined &&
        (dotted === target.path || dotted.startsWith(`${target.path}.`)),
    );
    if (flag) return `--${flag.name}`;
    const place = path === '' ? kind : `${kind} ${path}`;
    return this.#origin.file === undefined ? place : `${this.#origin.file}: ${place}`;
  }
}
