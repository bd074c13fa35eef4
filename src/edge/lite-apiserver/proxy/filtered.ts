import type { AppliedFilters } from '../filters/chain.ts';
import { ItemSplitter } from '../wire/items.ts';
import type { ApiObject } from '../wire/object.ts';

/** Content on its way through filters. `push` and `end` throw for what is not what it should be. */
export interface Filtering {
  push(block: Buffer): void;
  end(): void;
}

/** A List with each item passed through filters, as it streams by. */
export function filterList(filters: AppliedFilters, write: (block: Buffer | string) => void): Filtering {
  let first = true;
  const splitter = new ItemSplitter({
    envelope: write,
    item: (bytes) => {
      const object = filters(JSON.parse(bytes.toString()) as ApiObject);
      if (!object) return;
      write((first ? '' : ',') + JSON.stringify(object));
      first = false;
    },
  });
  return {
    push: (block) => splitter.push(block),
    end() {
      if (!splitter.complete) throw new Error('the list was cut short');
    },
  };
}

/** A single object passed through filters. */
export function filterObject(filters: AppliedFilters, write: (text: string) => void): Filtering {
  const blocks: Buffer[] = [];
  return {
    push: (block) => void blocks.push(block),
    end() {
      const object = filters(JSON.parse(Buffer.concat(blocks).toString()) as ApiObject);
      if (!object) throw new Error('not to be seen');
      write(JSON.stringify(object));
    },
  };
}
