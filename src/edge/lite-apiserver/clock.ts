import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../../host/files/replace.ts';
import { kubeTime } from '../../kube/time.ts';
import { parseConfirmed, renderConfirmed } from '../node/clock/confirmed.ts';

/** Clocks of a cluster differ by seconds; more says that one of them is wrong. */
export const toleranceMs = 5 * 60_000;
const writeMs = 3_600_000;

export interface ClockOptions {
  /** Where the last confirmed time is kept over a boot. */
  file: string;
  /** Milliseconds since 1970; default: the system's clock. */
  now?: () => number;
  log: (message: string) => void;
}

/**
 * Whether the node's clock can be right: it is compared with the `Date` of each answer of the API server, and with the last
 * time that the API server confirmed, which is on the disk (one small write an hour, only while online). A node that boots
 * without its clock's battery is found by that before any certificate is.
 */
export class NodeClock {
  private readonly options: ClockOptions;
  private readonly read: () => number;
  private written: number | undefined;
  private heardAt: { server: number; own: number } | undefined;
  /** Milliseconds since 1970; undefined: never yet. */
  confirmedAt: number | undefined;

  constructor(options: ClockOptions) {
    this.options = options;
    this.read = options.now ?? Date.now;
    try {
      this.confirmedAt = parseConfirmed(readFileSync(options.file, 'utf8'));
    } catch {
      // The first start of this node.
    }
  }

  now(): number {
    return this.read();
  }

  /** The `Date` header of an answer of the API server (RFC 9110, 6.6.1). */
  heard(header: string | undefined): void {
    const server = Date.parse(header ?? '');
    if (Number.isNaN(server)) return;
    const own = this.now();
    this.heardAt = { server, own };
    if (Math.abs(own - server) > toleranceMs) return;
    this.confirmedAt = server;
    if (this.written !== undefined && server - this.written < writeMs) return;
    this.written = server;
    void this.write(server);
  }

  /** Why the clock cannot be right; empty when nothing speaks against it. */
  get problem(): string {
    const now = this.now();
    if (this.heardAt && Math.abs(this.heardAt.own - this.heardAt.server) > toleranceMs) {
      const { own, server } = this.heardAt;
      return `the clock of this node says ${kubeTime(own)}, the API server's ${kubeTime(server)}`;
    }
    if (this.confirmedAt !== undefined && now < this.confirmedAt - toleranceMs) {
      return `the clock of this node says ${kubeTime(now)}, which is before ${kubeTime(this.confirmedAt)}, a time that the API server confirmed`;
    }
    return '';
  }

  private async write(server: number): Promise<void> {
    const { file, log } = this.options;
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await replaceFile(file, { bytes: Buffer.from(renderConfirmed(server)) }, { mode: 0o600 });
    } catch (error) {
      log(`the confirmed time could not be kept: ${(error as Error).message}`);
    }
  }
}
