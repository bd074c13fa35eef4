import type { Event } from '../../workflow/events.ts';
import type { CreateContext } from './context.ts';

export interface Follower {
  onEvent(event: Event): void;
  /** By phase, filled as phases end. */
  seconds: Record<string, number>;
  changed(): boolean;
}

/**
 * Shows a run of edgeadm in a node as part of a run on this machine: its phases and their steps become progress,
 * warnings and logs carry the node's name, and what only the node's own user would read (join commands) is left out.
 */
export function follow(ctx: CreateContext, node: string, progress: (step: string) => void): Follower {
  const seconds: Record<string, number> = {};
  let changed = false;
  return {
    seconds,
    changed: () => changed,
    onEvent(event) {
      switch (event.type) {
        case 'phase-start':
          progress(event.phase);
          break;
        case 'progress': {
          const { phase, step, done, total } = event;
          const percent = done !== undefined && total ? ` ${Math.floor((done / total) * 100)}%` : '';
          progress(`${phase ? `${phase}: ` : ''}${step}${percent}`);
          break;
        }
        case 'phase-done':
          seconds[event.phase] = event.seconds;
          changed ||= event.changed;
          break;
        case 'warning':
          // What holds for the machine is said once, not by each node.
          if (!ctx.warned.has(event.message)) ctx.emit({ ...event, message: `${node}: ${event.message}` });
          ctx.warned.add(event.message);
          break;
        case 'log':
          ctx.emit({ ...event, source: event.source === undefined ? node : `${node} ${event.source}` });
          break;
        case 'change':
          ctx.emit({ ...event, host: node });
          break;
        default:
          break;
      }
    },
  };
}
