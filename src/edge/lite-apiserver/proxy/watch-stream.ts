import { type AppliedFilters, filterEvent } from '../filters/chain.ts';
import type { Answer } from '../http1/client-connection.ts';
import type { Response } from '../http1/response.ts';
import { eachLine, Lines } from '../wire/lines.ts';
import { eventLine, isBookmarkOfInitialEvents, isVersion, type WatchEvent } from '../wire/object.ts';

export interface StreamState {
  /** resourceVersion up to which the client has seen everything; empty while that is not known. */
  version: string;
  /** Initial events were asked for and their end has not come yet. */
  inInitialEvents: boolean;
}

export interface StreamOptions {
  answer: Answer;
  response: Response;
  state: StreamState;
  filters: AppliedFilters | undefined;
  onEvent: (event: WatchEvent) => void;
}

/** Above this many bytes without a newline the stream is not a watch. */
const maxLineBytes = 64 << 20;

/**
 * Passes the events of one upstream watch to the client, whole lines only, client first. Resolves with how the upstream
 * ended: as it should (`ended`), with an ERROR event that the client has got (`error`), or in the middle (`broken`).
 */
export function streamEvents({
  answer,
  response,
  state,
  filters,
  onEvent,
}: StreamOptions): Promise<'ended' | 'error' | 'broken'> {
  return new Promise((resolve) => {
    const lines = new Lines();
    let failed = false;
    const onDrain = () => answer.resume();
    const finish = (outcome: 'ended' | 'error' | 'broken') => {
      resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      const block = lines.push(chunk);
      if (block.length === 0) {
        if (lines.pending > maxLineBytes) answer.destroy();
        return;
      }
      try {
        if (filters) {
          for (const line of eachLine(block)) pass(JSON.parse(line.toString()) as WatchEvent);
        } else {
          const flowing = response.write(block);
          for (const line of eachLine(block)) note(JSON.parse(line.toString()) as WatchEvent);
          if (!flowing) hold();
        }
      } catch {
        answer.destroy();
      }
    };
    const hold = () => {
      answer.pause();
      if (!response.needsDrain) answer.resume();
    };
    const pass = (event: WatchEvent) => {
      const seen = filters && filterEvent(event, filters);
      if (seen && !response.write(eventLine(seen))) hold();
      note(event);
    };
    const note = (event: WatchEvent) => {
      if (event.type === 'ERROR') failed = true;
      else {
        const { resourceVersion } = event.object.metadata;
        if (isBookmarkOfInitialEvents(event)) state.inInitialEvents = false;
        if (!state.inInitialEvents && isVersion(resourceVersion)) state.version = resourceVersion;
      }
      onEvent(event);
    };
    response.whenRoom(onDrain);
    answer.consume({
      data: (content) => onData(content.length === 1 ? content[0]! : Buffer.concat(content)),
      end: (error) => finish(failed ? 'error' : !error && lines.pending === 0 ? 'ended' : 'broken'),
    });
  });
}
