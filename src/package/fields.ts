import { EdgeadmError } from '../errors.ts';

/** Makes the error for a place and what is wrong there. */
export type Complain = (place: string, wrong: string) => EdgeadmError;

const configError: Complain = (place, wrong) => new EdgeadmError('E_CONFIG_INVALID', `${place} ${wrong}`);

/** Reads the fields of one parsed object, with an error that names the place of a wrong, missing or unknown one. */
export class Fields {
  readonly #values: Record<string, unknown>;
  readonly #place: string;
  readonly #complain: Complain;
  readonly #seen = new Set<string>();

  constructor(value: unknown, place: string, complain: Complain = configError) {
    if (!isObject(value)) throw complain(place, 'must be an object');
    this.#values = value;
    this.#place = place;
    this.#complain = complain;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  object(name: string): Fields {
    return new Fields(this.#take(name), this.#at(name), this.#complain);
  }

  objects(name: string): Fields[] {
    const value = this.#take(name) ?? [];
    if (!Array.isArray(value)) throw this.wrong(name, 'must be a list');
    return value.map((item, index) => new Fields(item, `${this.#at(name)}[${index}]`, this.#complain));
  }

  /** `allowed` is a pattern or the list of values. */
  string(name: string, allowed?: RegExp | readonly string[]): string {
    const value = this.#take(name);
    if (typeof value !== 'string') throw this.wrong(name, 'must be a string');
    if (allowed instanceof RegExp && !allowed.test(value))
      throw this.wrong(name, `has a wrong form: ${JSON.stringify(value)}`);
    if (Array.isArray(allowed) && !allowed.includes(value)) {
      throw this.wrong(name, `must be one of ${allowed.join(', ')}, not ${JSON.stringify(value)}`);
    }
    return value;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.#take(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.wrong(name, 'must be true or false');
    return value;
  }

  /** A whole number that is not negative. */
  count(name: string): number {
    const value = this.#take(name);
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw this.wrong(name, 'must be a whole number');
    return value as number;
  }

  strings(name: string): string[] {
    const value = this.#take(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw this.wrong(name, 'must be a list of strings');
    }
    return value;
  }

  stringMap(name: string): Record<string, string> {
    const value = this.#take(name) ?? {};
    if (!isObject(value) || Object.values(value).some((item) => typeof item !== 'string')) {
      throw this.wrong(name, 'must be an object of strings');
    }
    return value as Record<string, string>;
  }

  wrong(name: string, what: string): EdgeadmError {
    return this.#complain(this.#at(name), what);
  }

  /** Call last: throws for a field that nobody read. */
  end(): void {
    for (const name of Object.keys(this.#values)) {
      if (!this.#seen.has(name)) throw this.#complain(this.#at(name), 'is no known field');
    }
  }

  #take(name: string): unknown {
    this.#seen.add(name);
    return this.#values[name];
  }

  #at(name: string): string {
    return `${this.#place}: ${name}`;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
