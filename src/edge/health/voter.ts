import { randomUUID } from 'node:crypto';
import { formatVote, voteAnnotation, voteRefreshSeconds } from './protocol.ts';

export interface VoterOptions {
  nodeName: string;
  /** Peers that this node does not reach, sorted. */
  unreachable(): readonly string[];
  /** Whether the cloud can be reached. */
  online(): boolean;
  /** PATCH with application/merge-patch+json, as the node. */
  patch(path: string, body: unknown): Promise<void>;
  warn(message: string): void;
  now?(): number;
}

/**
 * Writes this node's vote: as soon as it changes, and again while it names somebody. Where all peers answer nothing is
 * ever written.
 */
export class Voter {
  private readonly options: VoterOptions;
  private readonly now: () => number;
  private written = '';
  private writtenAt = Number.NEGATIVE_INFINITY;
  private busy = false;
  private complaint = '';
  /** Votes written. */
  count = 0;

  constructor(options: VoterOptions) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
  }

  /** Writes when it is due; a failure is told once and tried again with the next call. Never rejects. */
  async look(): Promise<void> {
    const { nodeName, online, patch, warn } = this.options;
    const unreachable = this.options.unreachable();
    const text = unreachable.join();
    const old = this.now() - this.writtenAt >= voteRefreshSeconds * 1000;
    if (this.busy || !online() || (text === this.written && (text === '' || !old))) return;
    this.busy = true;
    try {
      await patch(`/apis/storage.k8s.io/v1/csinodes/${encodeURIComponent(nodeName)}`, {
        metadata: { annotations: { [voteAnnotation]: formatVote({ turn: randomUUID(), unreachable }) } },
      });
      this.written = text;
      this.writtenAt = this.now();
      this.count++;
      this.complaint = '';
    } catch (error) {
      const { message } = error as Error;
      if (online() && message !== this.complaint) warn(`the vote could not be written: ${message}`);
      this.complaint = message;
    } finally {
      this.busy = false;
    }
  }
}
