import { Transform } from 'node:stream';
import type { AppliedFilters } from '../filters/chain.ts';
import { ItemSplitter } from '../wire/items.ts';
import type { ApiObject } from '../wire/object.ts';

/** A List with each item passed through filters, as it streams by. */
export function filterList(filters: AppliedFilters): Transform {
  let first = true;
  const splitter = new ItemSplitter({
    envelope: (bytes) => transform.push(bytes),
    item: (bytes) => {
      const object = filters(JSON.parse(bytes.toString()) as ApiObject);
      if (!object) return;
      transform.push((first ? '' : ',') + JSON.stringify(object));
      first = false;
    },
  });
  const transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        splitter.push(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      done(splitter.complete ? null : new Error('the list was cut short'));
    },
  });
  return transform;
}

/** A single object passed through filters. */
export function filterObject(filters: AppliedFilters): Transform {
  const chunks: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
    flush(done) {
      try {
        const object = filters(JSON.parse(Buffer.concat(chunks).toString()) as ApiObject);
        done(object ? null : new Error('not to be seen'), object && JSON.stringify(object));
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
