import { X509Certificate } from 'node:crypto';
import type { LiteApiserverConfig } from '../../../src/edge/lite-apiserver/config.ts';
import type { Host } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import type { CertificateFact } from '../facts.ts';

/** The certificates that the node lives on; a file that cannot be read is a fact too. */
export async function readCertificates(
  host: Host,
  config: LiteApiserverConfig | undefined,
): Promise<CertificateFact[]> {
  const files = [
    ['kubelet-client', config?.upstream.clientCertificateFile ?? paths.kubeletClient],
    ['lite-apiserver-serving', config?.serving.certificateFile ?? `${paths.liteApiserver}/pki/serving.pem`],
    ['cluster-ca', config?.upstream.caFile ?? `${paths.pki}/ca.crt`],
  ] as const;
  return Promise.all(
    files.map(async ([role, file]): Promise<CertificateFact> => {
      try {
        const text = await host.readText(file);
        if (text === undefined) return { role, file, problem: 'there is no such file' };
        const leaf = new X509Certificate(text);
        return { role, file, notBefore: Date.parse(leaf.validFrom), notAfter: Date.parse(leaf.validTo) };
      } catch (error) {
        return { role, file, problem: (error as Error).message };
      }
    }),
  );
}

/** Name of the node that a kubelet's client certificate is for; undefined when it is none. */
export function nodeOf(certificate: string): string | undefined {
  try {
    return /^CN=system:node:(.+)$/m.exec(new X509Certificate(certificate).subject)?.[1];
  } catch {
    return undefined;
  }
}
