import { EventEmitter } from 'node:events';
import type { ApiPath } from '../request/path.ts';
import type { Caller } from '../serve/identity.ts';
import type { ApiObject, WatchEvent } from '../wire/object.ts';

/** A read whose answer may be changed on its way to the caller. */
export interface FilteredRead {
  caller: Caller;
  path: ApiPath;
}

/**
 * Changes what a caller sees of objects, online and offline alike. A filter never changes its argument: the cache keeps
 * what the API server said, and another caller may see it otherwise.
 */
export interface ResponseFilter {
  readonly name: string;
  applies(read: FilteredRead): boolean;
  /** The object as the caller shall see it; undefined: not at all. */
  filter(object: ApiObject, read: FilteredRead): ApiObject | undefined;
}

/** The filters for one read, or undefined when none applies and bytes can pass as they are. */
export type AppliedFilters = (object: ApiObject) => ApiObject | undefined;

/** All filters, in order. Emits `changed` with a filter's name when it would now answer otherwise. */
export class FilterChain extends EventEmitter<{ changed: [string] }> {
  private filters: readonly ResponseFilter[];

  constructor(filters: readonly ResponseFilter[]) {
    super();
    this.setMaxListeners(0);
    this.filters = filters;
  }

  /** One more, behind the others. Watches that run already see it when their clients list again, at once. */
  add(filter: ResponseFilter): void {
    this.filters = [...this.filters, filter];
    this.invalidate(filter.name);
  }

  forRead(read: FilteredRead): AppliedFilters | undefined {
    const filters = this.filters.filter((filter) => filter.applies(read));
    if (filters.length === 0) return undefined;
    return (object) => {
      let seen: ApiObject | undefined = object;
      for (const filter of filters) seen = seen && filter.filter(seen, read);
      return seen;
    };
  }

  /** Watches that a filter touches end with 410, so that their clients list again and see its new answers. */
  invalidate(name: string): void {
    this.emit('changed', name);
  }
}

/** A watch event through filters: an object that is no longer to be seen turns into its deletion. */
export function filterEvent(event: WatchEvent, filters: AppliedFilters): WatchEvent | undefined {
  if (event.type === 'BOOKMARK' || event.type === 'ERROR') return event;
  const object = filters(event.object);
  if (object) return { type: event.type, object };
  return event.type === 'ADDED' ? undefined : { type: 'DELETED', object: event.object };
}
