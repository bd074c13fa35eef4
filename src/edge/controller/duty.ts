import type { OpenWatch } from '../../kube/list-watch.ts';
import type { Transport } from '../../kube/transport.ts';
import type { RecordEvent } from './events.ts';
import type { Metrics } from './metrics.ts';

/** What each duty of the controller is given. */
export interface DutyContext {
  transport: Pick<Transport, 'send'>;
  openWatch: OpenWatch;
  /** Aborts on a signal and when another replica takes over. */
  signal: AbortSignal;
  /** One line for the log. */
  log(message: string): void;
  warn(message: string): void;
  record: RecordEvent;
}

/** One thing that the controller does while it leads. */
export interface Duty {
  name: string;
  /** Runs until the signal aborts. */
  run(context: DutyContext): Promise<void>;
}

/** Makes a duty with its metrics, which outlive a change of leaders. */
export type MakeDuty = (metrics: Metrics) => Duty;
