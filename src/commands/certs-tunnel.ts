import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kubeTime } from '../kube/time.ts';
import { runKubeadm } from './kubeadm.ts';
import type { Call, Outcome } from './spec.ts';

/** A certificate of the konnectivity server, as `certs check-expiration` lists it. */
export interface TunnelCertificate {
  name: string;
  notAfter: Date;
}

/**
 * When the certificates of this host's konnectivity server end; those that are not there, or cannot be read, are left out.
 * `root` stands for `/`.
 */
export async function tunnelCertificates(root = '/'): Promise<TunnelCertificate[]> {
  const { readFile } = await import('node:fs/promises');
  const { pairOf, serverCertificatePath, serverConf, serverConfPath, serverPair } = await import(
    '../../phases/node/tunnel-certificates.ts'
  );
  const { readCertificates } = await import('../kube/pki.ts');
  const read = (path: string) => readFile(join(root, path), 'utf8');
  const sources: [string, () => Promise<string>][] = [
    [serverPair, () => read(serverCertificatePath)],
    [serverConf, async () => (await pairOf(await read(serverConfPath))).certificate],
  ];
  const found = await Promise.all(
    sources.map(async ([name, text]) => {
      try {
        return [{ name, notAfter: readCertificates(await text())[0]!.notAfter }];
      } catch {
        return [];
      }
    }),
  );
  return found.flat();
}

/** kubeadm's JSON (output.kubeadm.k8s.io CertificateExpirationInfo) with these among its certificates. */
export async function showAsJson(
  call: Call,
  args: readonly string[],
  certificates: readonly TunnelCertificate[],
): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await runKubeadm(call, args);
  call.io.stderr.write(stderr);
  if (exitCode !== 0 || certificates.length === 0) {
    call.io.stdout.write(stdout);
    return { exitCode };
  }
  const info = JSON.parse(stdout) as { certificates?: object[] };
  const ours = certificates.map(({ name, notAfter }) => ({
    name,
    expirationDate: kubeTime(notAfter),
    residualTime: Math.trunc((notAfter.getTime() - Date.now()) / 1000),
    externallyManaged: false,
    caName: 'ca',
  }));
  const merged = { ...info, certificates: [...(info.certificates ?? []), ...ours] };
  call.io.stdout.write(`${JSON.stringify(merged, null, 4)}\n`);
  return { exitCode, data: { output: merged } };
}

/** Lines in the form of kubeadm's own table. */
export function expirationTable(certificates: readonly TunnelCertificate[], now = new Date()): string[] {
  if (certificates.length === 0) return [];
  const rows = certificates.map(({ name, notAfter }) => [name, utc(notAfter), residual(notAfter, now), 'ca']);
  const table = [['TUNNEL CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)) + 3);
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('')
      .trimEnd(),
  );
}

/** `Jan 02, 2006 15:04 UTC`, as kubeadm has it. */
function utc(date: Date): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) (\d+:\d+)/.exec(date.toUTCString())!;
  return `${month} ${day}, ${year} ${time} UTC`;
}

function residual(notAfter: Date, now: Date): string {
  const hours = Math.trunc((notAfter.getTime() - now.getTime()) / 3_600_000);
  if (hours <= 0) return '<invalid>';
  return hours >= 48 ? `${Math.trunc(hours / 24)}d` : `${hours}h`;
}

/**
 * New certificates for this host's konnectivity server, which the kubelet then starts anew. False where there is none.
 * Errors: E_HOST_BUSY, E_HOST_WRITE, E_PHASE_STATE (the CA's key is elsewhere).
 */
export async function renewTunnel({ emit, command }: Pick<Call, 'emit' | 'command'>): Promise<boolean> {
  const { renewTunnelServer, tunnelServerManifest } = await import('../../phases/node/tunnel-server.ts');
  // The host is left alone, its lock too, where there is nothing to renew.
  if (!existsSync(tunnelServerManifest)) return false;
  const { openHost } = await import('../host/open.ts');
  const host = await openHost({ emit, command: `edgeadm ${command}` });
  try {
    return await renewTunnelServer(host);
  } finally {
    await host.close();
  }
}
