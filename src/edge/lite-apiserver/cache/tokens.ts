import { claims } from '../serve/identity.ts';
import type { TokenRequestSpec } from '../wire/protobuf.ts';
import type { Database } from './database.ts';
import { sumOf } from './normalise.ts';

/** Names one kind of token: who asks, for which service account, for whom, bound to what. */
export interface TokenKey {
  identity: string;
  namespace: string;
  serviceAccount: string;
  spec: TokenRequestSpec;
}

interface TokenRow {
  key: string;
  pod_uid: string;
  body: string;
  stored: number;
  sum: number;
}

interface AcceptedRow {
  hash: string;
  identity: string;
  expires: number;
  sum: number;
}

/** Fewer rows would do; a node has some hundred service accounts at most. */
const maxAccepted = 2000;

/**
 * Real tokens that the API server issued to the kubelet, to be handed out again while it is away, and hashes of bearer
 * tokens that it accepted. Written at once: after a power cut pods cannot start without them.
 */
export class Tokens {
  private readonly db: Database;
  private readonly known = new Map<string, { identity: string; expires: number }>();

  constructor(db: Database) {
    this.db = db;
  }

  /** Reads the hashes of accepted tokens; those that are not what was written are left out. */
  load(): void {
    this.known.clear();
    for (const row of this.db.all<AcceptedRow>('SELECT * FROM accepted')) {
      if (row.sum === sumOf(row.hash, row.identity, row.expires)) this.known.set(row.hash, row);
    }
  }

  get accepted(): number {
    return this.known.size;
  }

  count(): number {
    return this.db.get<{ n: number }>('SELECT COUNT(*) AS n FROM token')?.n ?? 0;
  }

  /** Keeps the answer to a TokenRequest; an earlier one for the same is replaced. `body` is the TokenRequest as JSON. */
  put(key: TokenKey, body: string): void {
    const text = tokenKeyText(key);
    const uid = podOf(key.spec);
    const stored = Date.now();
    this.db.transaction(true, () =>
      this.db.run(
        'INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?)',
        text,
        uid,
        body,
        stored,
        sumOf(text, uid, body, stored),
      ),
    );
  }

  get(key: TokenKey): string | undefined {
    const row = this.db.get<TokenRow>('SELECT * FROM token WHERE key = ?', tokenKeyText(key));
    return row && row.sum === sumOf(row.key, row.pod_uid, row.body, row.stored) ? row.body : undefined;
  }

  dropPod(uid: string): void {
    if (uid !== '') this.db.run('DELETE FROM token WHERE pod_uid = ?', uid);
  }

  /** Drops tokens of pods that are no more on this node, unless they are younger than the list they are compared with. */
  dropOthers(livingPods: ReadonlySet<string>, storedBefore: number): number {
    let dropped = 0;
    for (const { key, pod_uid, stored } of this.db.all<TokenRow>('SELECT key, pod_uid, stored FROM token')) {
      if (pod_uid === '' || livingPods.has(pod_uid) || stored >= storedBefore) continue;
      dropped += this.db.run('DELETE FROM token WHERE key = ?', key);
    }
    return dropped;
  }

  /** Remembers a token that the API server accepted or issued. Only its hash is kept. */
  accept(hash: string, identity: string, token: string): void {
    if (this.isAccepted(hash, identity)) return;
    const { exp } = claims(token);
    const expires = typeof exp === 'number' ? Math.floor(exp) : 0;
    this.known.set(hash, { identity, expires });
    this.db.transaction(true, () => this.writeAccepted(hash, identity, expires));
    if (this.known.size > maxAccepted) this.forget(this.known.keys().next().value as string);
  }

  /** The file is another one, and empty: what is known stays known. */
  startOver(): void {
    this.db.transaction(true, () => {
      for (const [hash, { identity, expires }] of this.known) this.writeAccepted(hash, identity, expires);
    });
  }

  isAccepted(hash: string, identity: string): boolean {
    return this.known.get(hash)?.identity === identity;
  }

  forget(hash: string): void {
    if (this.known.delete(hash)) this.db.run('DELETE FROM accepted WHERE hash = ?', hash);
  }

  /** Only while online: a token that runs out offline stays good on this node until the cloud can issue another. */
  dropExpired(nowSeconds: number): void {
    for (const { hash } of this.db.all<AcceptedRow>(
      'SELECT hash FROM accepted WHERE expires BETWEEN 1 AND ?',
      nowSeconds,
    )) {
      this.forget(hash);
    }
  }

  private writeAccepted(hash: string, identity: string, expires: number): void {
    const sum = sumOf(hash, identity, expires);
    this.db.run('INSERT OR REPLACE INTO accepted VALUES (?, ?, ?, ?)', hash, identity, expires, sum);
  }
}

function podOf({ boundObjectRef }: TokenRequestSpec): string {
  return boundObjectRef?.kind === 'Pod' ? boundObjectRef.uid : '';
}

function tokenKeyText({ identity, namespace, serviceAccount, spec }: TokenKey): string {
  const { kind = '', name = '', uid = '' } = spec.boundObjectRef ?? {};
  return JSON.stringify([identity, namespace, serviceAccount, [...spec.audiences].sort(), kind, name, uid]);
}
