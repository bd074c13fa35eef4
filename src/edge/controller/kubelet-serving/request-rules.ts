import { type CertificateRequest, MalformedRequest, parseCertificateRequest } from './pkcs10.ts';
import type { Asked, CertificateSigningRequest, Refusal } from './types.ts';

const commonName = '2.5.4.3';
const organization = '2.5.4.10';
const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';

/** metadata.name of a Node: a DNS-1123 subdomain. */
const nodeNamePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
/** What a node's address may be; no wildcard, no trailing dot. */
const dnsPattern = /^[a-z0-9]([-_.a-z0-9]{0,251}[a-z0-9])?$/i;

/**
 * The rules that concern the request alone:
 * - requested by a node: user `system:node:NAME` in the group `system:nodes`;
 * - subject exactly O=system:nodes, CN=the user;
 * - usages `digital signature` and `server auth`; `key encipherment` only with an RSA key (TLS 1.2 key transport);
 * - at least one DNS name or IP address, no e-mail address, URI or other kind of name.
 *
 * Sources: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
 * (`kubernetes.io/kubelet-serving`); what the signer checks: k8s.io/kubernetes/pkg/apis/certificates/helpers.go
 * (ValidateKubeletServingCSR); what kubelets ask for: k8s.io/kubernetes/pkg/kubelet/certificate/kubelet.go
 * (newGetTemplateFn) and k8s.io/client-go/util/certificate (DefaultKubeletServingGetUsages).
 */
export function readAsked(csr: CertificateSigningRequest): Asked | Refusal {
  const { username = '', groups = [], usages = [] } = csr.spec;
  const nodeName = username.startsWith(nodePrefix) ? username.slice(nodePrefix.length) : '';
  if (!nodeNamePattern.test(nodeName) || !groups.includes(nodesGroup)) {
    return refuse(
      'RequesterNotNode',
      `${JSON.stringify(username)} is not a user ${nodePrefix}NAME in the group ${nodesGroup}`,
    );
  }
  let request: CertificateRequest;
  try {
    request = parseCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString('latin1'));
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    return refuse('MalformedRequest', error.message);
  }
  const subject = request.subject.map(({ oid, value }) => `${oid}=${value}`).sort();
  if (
    JSON.stringify(subject) !==
    JSON.stringify([`${organization}=${nodesGroup}`, `${commonName}=${username}`].sort())
  ) {
    return refuse('SubjectMismatch', `the subject is not exactly O=${nodesGroup}, CN=${username}`);
  }
  return (
    refuseUsages(usages, request.keyAlgorithm) ??
    refuseNames(request.sans) ?? { nodeName, ...namesOf(request) }
  );
}

function refuseUsages(
  usages: readonly string[],
  key: CertificateRequest['keyAlgorithm'],
): Refusal | undefined {
  const allowed = ['digital signature', 'server auth', ...(key === 'rsa' ? ['key encipherment'] : [])];
  const wrong = usages.filter((usage) => !allowed.includes(usage));
  if (wrong.length > 0)
    return refuse(
      'UsageNotAllowed',
      `usages that a kubelet's ${key === 'rsa' ? 'RSA ' : ''}serving certificate may not have: ${wrong.join(', ')}`,
    );
  const missing = ['digital signature', 'server auth'].filter((usage) => !usages.includes(usage));
  if (missing.length > 0)
    return refuse('UsageNotAllowed', `usages that the signer requires are missing: ${missing.join(', ')}`);
  return undefined;
}

function refuseNames({ dns, ip, email, uri }: CertificateRequest['sans']): Refusal | undefined {
  if (email.length + uri.length > 0) return refuse('SanNotAllowed', 'it asks for e-mail addresses or URIs');
  if (dns.length + ip.length === 0) return refuse('SanNotAllowed', 'it asks for no DNS name or IP address');
  const wrong = dns.find((name) => !dnsPattern.test(name));
  return wrong === undefined
    ? undefined
    : refuse('SanNotAllowed', `it asks for ${JSON.stringify(wrong.slice(0, 253))}, which is no host name`);
}

const namesOf = ({ sans: { dns, ip } }: CertificateRequest) => ({
  dns: dns.map((name) => name.toLowerCase()),
  ip,
});

const refuse = (reason: Refusal['reason'], message: string): Refusal => ({ reason, message, final: true });
