import { getField, isFields, textAt, textsAt } from '../fields.ts';
import type { Problems, Report } from '../problems.ts';
import { caHashFault } from '../token.ts';
import type { KubeDocument } from '../types.ts';
import { checkIgnoredChecks, validateNode } from './node.ts';
import {
  checkAdvertiseAddress,
  checkCertificateKey,
  checkEndpoint,
  checkPort,
  checkToken,
  isPlaceholder,
} from './values.ts';

export interface JoinToValidate {
  join: KubeDocument;
  given: ReadonlyMap<string, unknown>;
  nodeName: string;
  /** The argument of the command. */
  endpoint: string | undefined;
  discoveryOptional: boolean;
  problems: Problems;
}

const bootstrap = 'discovery.bootstrapToken';
const howToJoin =
  'Run `edgeadm token create --print-join-command` on a control-plane node; it prints the whole command.';

/** Faults of what join was asked for. The document has fields of the right types and its defaults. */
export function validateJoin({
  join,
  given,
  nodeName,
  endpoint,
  discoveryOptional,
  problems,
}: JoinToValidate): void {
  const report = problems.of('JoinConfiguration');
  validateNode(join, nodeName, problems);
  checkControlPlane(report, join, given, problems);
  checkIgnoredChecks(problems.of('flag'), '--ignore-preflight-errors', [
    ...textsAt(join, 'nodeRegistration.ignorePreflightErrors'),
    ...((given.get('ignore-preflight-errors') ?? []) as string[]),
  ]);
  const ca = textAt(join, 'caCertPath');
  if (ca !== undefined && !/^\/.*\.crt$/.test(ca)) {
    report('caCertPath', `"${ca}" is not an absolute path that ends with .crt`, {
      hint: 'The default is /etc/kubernetes/pki/ca.crt.',
    });
  }

  if (endpoint !== undefined) checkArgument(join, endpoint, problems);
  const byToken = isFields(getField(join, bootstrap));
  const byFile = isFields(getField(join, 'discovery.file'));
  if (byToken && byFile) {
    const flag = given.has('discovery-file') ? '--discovery-file' : 'discovery.file';
    problems.of('flag')(flag, 'stands beside token discovery; the cluster can be found in one way only', {
      hint: 'Leave out the file, or leave out the endpoint, --discovery-token and the CA hashes.',
    });
  } else if (byFile) {
    checkDiscoveryFile(report, textAt(join, 'discovery.file.kubeConfigPath'));
  } else if (byToken || !discoveryOptional) {
    checkTokenDiscovery(report, join, discoveryOptional, problems);
  }
  checkToken(report, 'discovery.tlsBootstrapToken', ownTlsToken(join));
}

/** The TLS bootstrap token when it is another one than the discovery token, which is checked for itself. */
function ownTlsToken(join: KubeDocument): string | undefined {
  const token = textAt(join, 'discovery.tlsBootstrapToken');
  return token === textAt(join, `${bootstrap}.token`) ? undefined : token;
}

function checkControlPlane(
  report: Report,
  join: KubeDocument,
  given: ReadonlyMap<string, unknown>,
  problems: Problems,
): void {
  const path = 'controlPlane.localAPIEndpoint';
  checkAdvertiseAddress(report, `${path}.advertiseAddress`, textAt(join, `${path}.advertiseAddress`));
  checkPort(report, `${path}.bindPort`, getField(join, `${path}.bindPort`));
  checkCertificateKey(report, 'controlPlane.certificateKey', textAt(join, 'controlPlane.certificateKey'));
  if (given.get('control-plane') === true) return;
  for (const name of ['certificate-key', 'apiserver-advertise-address', 'apiserver-bind-port']) {
    if (!given.has(name)) continue;
    problems.of('flag')(`--${name}`, 'is of no use without --control-plane', {
      hint: `Add --control-plane to make this a control-plane node, or leave --${name} out.`,
    });
  }
}

function checkArgument(join: KubeDocument, endpoint: string, problems: Problems): void {
  const report = problems.of('flag');
  const used = textAt(join, `${bootstrap}.apiServerEndpoint`);
  if (isPlaceholder(endpoint)) {
    report('endpoint', `"${endpoint}" still is a placeholder`, { hint: howToJoin });
  } else if (used !== undefined && used !== endpoint) {
    report('endpoint', `"${endpoint}" is not the one of the configuration file, "${used}"`, {
      hint: 'Keep one of the two.',
    });
  }
}

function checkTokenDiscovery(
  report: Report,
  join: KubeDocument,
  optional: boolean,
  problems: Problems,
): void {
  const endpoint = textAt(join, `${bootstrap}.apiServerEndpoint`);
  if (endpoint !== undefined && !isPlaceholder(endpoint))
    checkEndpoint(report, `${bootstrap}.apiServerEndpoint`, endpoint, true);
  if (endpoint === undefined && !optional) {
    problems.of('flag')('endpoint', 'nothing says where the cluster is', {
      hint: `Write \`edgeadm join HOST:6443 --token …\`. ${howToJoin}`,
    });
  }
  const token = textAt(join, `${bootstrap}.token`);
  checkToken(report, `${bootstrap}.token`, token);
  if (token === undefined && !optional) {
    problems.of('flag')('--token', 'is missing', { hint: howToJoin });
  }
  const hashes = textsAt(join, `${bootstrap}.caCertHashes`);
  for (const [index, hash] of hashes.entries()) {
    const fault = caHashFault(hash);
    if (fault === undefined) continue;
    report(`${bootstrap}.caCertHashes[${index}]`, `"${hash}" ${fault}`, {
      hint: `A hash is sha256: and 64 hex digits. ${howToJoin}`,
    });
  }
  const unsafe = getField(join, `${bootstrap}.unsafeSkipCAVerification`) === true;
  if (hashes.length === 0 && !unsafe && !optional) {
    problems.of('flag')(
      '--discovery-token-ca-cert-hash',
      "is missing: without it, any machine could pass for the cluster's API server",
      {
        hint:
          `${howToJoin} Or compute it there: openssl x509 -in /etc/kubernetes/pki/ca.crt -noout -pubkey | ` +
          'openssl pkey -pubin -outform der | sha256sum. To go without: --discovery-token-unsafe-skip-ca-verification.',
      },
    );
  }
}

function checkDiscoveryFile(report: Report, path: string | undefined): void {
  if (path === undefined || isPlaceholder(path)) {
    report(
      'discovery.file.kubeConfigPath',
      path === undefined ? 'is empty' : `"${path}" still is a placeholder`,
      {
        hint: 'Give a kubeconfig file or an https URL of one.',
      },
    );
  } else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path) && !/^(https|file):\/\//i.test(path)) {
    report('discovery.file.kubeConfigPath', `"${path}" is not an https URL`, {
      hint: 'What names the cluster and its CA must come over https, or from a file.',
    });
  }
}
