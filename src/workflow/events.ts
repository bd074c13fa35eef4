/**
 * What a run tells the outside. The engine, the host seam and the phases emit events; a renderer of ui/
 * turns the one stream into a tree, plain lines or JSON. Nothing else writes to a terminal.
 */
export type Event =
  /** A run begins: the phases that will run, in order, by full name (`certs/ca`). */
  | { type: 'run-start'; command: string; phases: readonly { name: string; short: string }[] }
  | { type: 'phase-start'; phase: string; short: string }
  | { type: 'phase-skip'; phase: string; reason: string }
  /** `changed` is false when everything was already as it should be. */
  | { type: 'phase-done'; phase: string; seconds: number; changed: boolean }
  | { type: 'phase-fail'; phase: string; seconds: number; code: string; message: string }
  /** Progress of the work at hand. `step` is what is being done; `done`/`total` in `unit` when they are known. */
  | {
      type: 'progress';
      phase?: string;
      step: string;
      done?: number;
      total?: number;
      unit?: 'bytes' | 'items';
    }
  /** One change to the host: made, or in a dry run only planned. Secrets never stand in `summary`. */
  | { type: 'change'; host: string; action: string; target: string; summary: string; planned: boolean }
  | { type: 'warning'; code?: string; message: string; hint?: string }
  /** Level 1 is what -v=1 shows, up to 5; output of programs comes at 2. */
  | { type: 'log'; level: number; message: string; source?: string }
  /** Text for the user at the end of a run (kubeadm's success text, join commands), never progress. */
  | { type: 'message'; text: string }
  /** The machine-readable outcome; the last event of a run with -o json. */
  | { type: 'result'; ok: boolean; command: string; data: Record<string, unknown> };

export type Emit = (event: Event) => void;
