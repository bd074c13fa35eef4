import { acceptsTcp } from '../../host/network/tcp.ts';

const timeoutMs = 2000;

/**
 * Whether this node's kubelet lives, by its own port. Only one that was seen alive counts as dead, so that a kubelet that
 * listens elsewhere is not taken for a dead one.
 */
export class KubeletWatch {
  private readonly port: number;
  private seen = false;
  private answers = true;

  constructor(port = 10250) {
    this.port = port;
  }

  get alive(): boolean {
    return this.answers || !this.seen;
  }

  /** Looks once; never rejects. */
  async look(): Promise<void> {
    this.answers = await acceptsTcp('127.0.0.1', this.port, timeoutMs);
    this.seen ||= this.answers;
  }
}
