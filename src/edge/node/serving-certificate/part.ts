import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { replaceFile } from '../../../host/files/replace.ts';
import type { Link } from '../../lite-apiserver/upstream/link.ts';
import type { NodePart, NodeProcess } from '../part.ts';
import { sender } from '../request.ts';

/** A clock that was set, or files that were changed by hand, are noticed after this. */
const lookMs = 600_000;
const orderTimeoutMs = 900_000;
const pollMs = 200;

/**
 * Keeps the proxy's serving certificate: orders one when there is none, and a new one with a new key before it expires,
 * when it lacks a name or when the cluster's CA changed. Certificate and key are one file, so that a power cut leaves the
 * old pair or the new one; the proxy takes it within a second.
 */
export const servingCertificatePart: NodePart = {
  name: 'serving certificate',
  async run(node) {
    const { config, proxy, signal, log } = node;
    const { request, certificateFile } = config.serving;
    if (!request) return;
    const names = { dns: request.names, ip: request.addresses };
    while (!signal.aborted) {
      // Two modules that nothing needs for most of a year.
      const waitMs = await untilDue(node, names);
      if (waitMs > 0) {
        await setTimeout(Math.min(waitMs, lookMs), undefined, { signal }).catch(() => {});
        continue;
      }
      if (!(await whenOnline(proxy.context.link, signal))) return;
      const { orderCertificate } = await import('./order.ts');
      const pem = await orderCertificate({
        nodeName: config.nodeName,
        names,
        send: sender(node),
        signal,
        timeoutMs: orderTimeoutMs,
        pollMs,
        onSent: (name) => log(`serving certificate: asked for one with the request ${name}`),
      });
      await mkdir(dirname(certificateFile), { recursive: true, mode: 0o700 });
      await replaceFile(certificateFile, { bytes: Buffer.from(pem) }, { mode: 0o600 });
      log('serving certificate: a new one is in place');
    }
  },
};

/** Milliseconds until it is due; 0 when it is, or when there is none that can be used. */
async function untilDue(
  { config }: NodeProcess,
  names: { dns: readonly string[]; ip: readonly string[] },
): Promise<number> {
  const [pem, authority] = await Promise.all(
    [config.serving.certificateFile, config.upstream.caFile].map((file) =>
      readFile(file, 'utf8').catch(() => ''),
    ),
  );
  if (!pem || !authority) return 0;
  const { dueAt } = await import('./due.ts');
  const share = createHash('sha256').update(pem).digest().readUInt32BE(0) / 2 ** 32;
  try {
    return Math.max(0, dueAt(pem, names, authority, share) - Date.now());
  } catch {
    // Half a file, or something else under its name.
    return 0;
  }
}

async function whenOnline(link: Link, signal: AbortSignal): Promise<boolean> {
  while (!link.online && !signal.aborted) {
    await new Promise<void>((resolve) => {
      const done = () => {
        link.off('online', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      link.once('online', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
  return !signal.aborted;
}
