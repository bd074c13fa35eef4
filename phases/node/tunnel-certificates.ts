import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { CertificatePair } from '../../src/kube/issue-certificate.ts';

/** As kubeadm's own certificates (constants.CertificateValidityPeriod). */
const validityMs = 365 * 86_400_000;
/** A run of the phase renews what ends sooner. */
export const renewBeforeMs = 90 * 86_400_000;

/** The names that `edgeadm certs` knows them by, and their files; in the folder of kubeadm's certificates or beside it. */
export const serverPair = 'konnectivity-server';
export const serverConf = 'konnectivity-server.conf';
export const serverConfPath = join(paths.kubernetes, serverConf);
/** Whom the API server sees, and binds rights to. */
const serverUser = 'system:konnectivity-server';

export interface CertificatePlace {
  host: Host;
  /** Folder of the CA. */
  certificatesDir: string;
}

/** What agents verify: the certificate that the server shows them. */
export const serverCertificatePath = join(paths.pki, `${serverPair}.crt`);
const serverKeyPath = join(paths.pki, `${serverPair}.key`);

/**
 * Gives the konnectivity server of this node its certificates: what it shows to agents, which has the names of the API
 * server's certificate, and the kubeconfig by which it asks whose token an agent brings. Keys are made here and stay
 * here, readable by root alone. What is good for another 90 days is kept, unless `renew` says otherwise. Returns whether
 * anything was written.
 * Errors: E_PHASE_STATE when the CA's key is not on this node and something must be made.
 */
export async function ensureServerCertificates(
  { host, certificatesDir }: CertificatePlace,
  { renew = false }: { renew?: boolean } = {},
): Promise<boolean> {
  const { alternativeNames, issueCertificate, pairFault } = await import(
    '../../src/kube/issue-certificate.ts'
  );
  const text = async (path: string) => (await host.readText(path)) ?? '';
  const ca = await text(join(certificatesDir, 'ca.crt'));
  const names = alternativeNames(new X509Certificate(await text(join(certificatesDir, 'apiserver.crt'))));
  const notAfter = new Date(Date.now() + validityMs);
  const issue = async (request: { commonName: string; usage: 'server' | 'client'; names?: string[] }) => {
    const key = await host.readText(join(certificatesDir, 'ca.key'));
    if (key === undefined) throw noCaKey(certificatesDir);
    return issueCertificate({ certificate: ca, key }, { ...request, notAfter });
  };
  const good = (pair: CertificatePair, wanted: string[] = []) =>
    !renew && pairFault(pair, { ca, names: wanted, renewBeforeMs }) === undefined;

  let changed = false;
  const serving = { certificate: await text(serverCertificatePath), key: await text(serverKeyPath) };
  if (!good(serving, names)) {
    const pair = await issue({ commonName: serverPair, usage: 'server', names });
    await host.writeFile(serverKeyPath, pair.key, { mode: 0o600, secret: true });
    await host.writeFile(serverCertificatePath, pair.certificate, { mode: 0o644 });
    changed = true;
  }
  const server = await apiServerOf(host);
  const conf = await text(serverConfPath);
  if (!conf.includes(server) || !good(await pairOf(conf))) {
    const pair = await issue({ commonName: serverUser, usage: 'client' });
    const { renderDocuments } = await import('../../src/config/documents.ts');
    const { kubeconfigDocument } = await import('../../src/kube/kubeconfig-document.ts');
    const document = kubeconfigDocument({ server, ca, user: serverUser, credentials: pair });
    await host.writeFile(serverConfPath, renderDocuments([document]), { mode: 0o600, secret: true });
    changed = true;
  }
  return changed;
}

/** This node's own API server, not the control plane's endpoint: the two live and die together. Errors: E_PHASE_STATE. */
async function apiServerOf(host: Host): Promise<string> {
  const { serverIn } = await import('../../src/kube/kubeconfig.ts');
  const files = [join(paths.kubernetes, 'controller-manager.conf'), paths.adminConf];
  for (const path of files) {
    const server = serverIn((await host.readText(path)) ?? '');
    if (server) return server;
  }
  throw new EdgeadmError('E_PHASE_STATE', `no API server is named in ${files.join(' or ')}`, {
    hint: 'Make them with `edgeadm init phase kubeconfig all`, or put back the files that kubeadm wrote.',
  });
}

interface Kubeconfig {
  users?: { user: { 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

async function parse(text: string): Promise<Kubeconfig> {
  const { parseYaml } = await import('../../src/config/yaml.ts');
  try {
    return parseYaml({ text, path: serverConfPath })[0] as Kubeconfig;
  } catch {
    return {};
  }
}

/** Client certificate and key of a kubeconfig; empty where it has none, or was cut short by a power cut. */
export async function pairOf(text: string): Promise<CertificatePair> {
  const user = (await parse(text)).users?.[0]?.user;
  const decoded = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString();
  return {
    certificate: decoded(user?.['client-certificate-data']),
    key: decoded(user?.['client-key-data']),
  };
}

function noCaKey(folder: string): EdgeadmError {
  return new EdgeadmError('E_PHASE_STATE', `the CA's key ${join(folder, 'ca.key')} is not on this node`, {
    hint: `With an external CA, make ${serverCertificatePath}, ${serverKeyPath} (for the names of apiserver.crt) and ${serverConfPath} (for the user ${serverUser}) with it, or leave the addon \`tunnel\` out.`,
  });
}
