export type NetworkFailure =
  | 'dns'
  | 'refused'
  | 'timeout'
  | 'no-route'
  | 'reset'
  | 'not-tls'
  | 'untrusted'
  | 'certificate-time'
  | 'certificate-name'
  | 'client-certificate'
  | 'other';

export interface NetworkFault {
  kind: NetworkFailure;
  /** Lower-case words to end a sentence with: `connection refused by 10.0.0.1:6443`. */
  text: string;
  /** Worth another try. */
  transient: boolean;
}

/** Codes of the system, of OpenSSL's certificate verification and of Node's TLS (nodejs.org/api/tls.html#x509-certificate-error-codes). */
const kinds: Record<string, NetworkFailure> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_NODATA: 'dns',
  EAI_FAIL: 'dns',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'no-route',
  ENETUNREACH: 'no-route',
  EHOSTDOWN: 'no-route',
  ENETDOWN: 'no-route',
  EADDRNOTAVAIL: 'no-route',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
  EPROTO: 'not-tls',
  HPE_INVALID_CONSTANT: 'not-tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  CERT_SIGNATURE_FAILURE: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
  INVALID_CA: 'untrusted',
  INVALID_PURPOSE: 'untrusted',
  CERT_HAS_EXPIRED: 'certificate-time',
  CERT_NOT_YET_VALID: 'certificate-time',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate-name',
};

const transientKinds: readonly NetworkFailure[] = ['dns', 'refused', 'timeout', 'no-route', 'reset'];

/** Says in words why a connection to `endpoint` (`host:port`) failed. */
export function networkFault(error: unknown, endpoint: string): NetworkFault {
  const { code, message, names } = facts(error);
  const kind = kindOf(code, message);
  return {
    kind,
    text: sentence(kind, endpoint, { code, message, names }),
    transient: transientKinds.includes(kind),
  };
}

function kindOf(code: string, message: string): NetworkFailure {
  if (/wrong version number|packet length too long|http request/i.test(message)) return 'not-tls';
  if (/alert (bad certificate|certificate required|unknown ca|certificate expired)/i.test(message)) {
    return 'client-certificate';
  }
  if (kinds[code]) return kinds[code];
  if (/socket hang up/i.test(message)) return 'reset';
  return code.startsWith('ERR_SSL') ? 'not-tls' : 'other';
}

function sentence(kind: NetworkFailure, endpoint: string, { code, message, names }: Facts): string {
  const host = endpoint.replace(/:\d+$/, '');
  switch (kind) {
    case 'dns':
      return `the name ${host} does not resolve (${code})`;
    case 'refused':
      return `connection refused by ${endpoint}`;
    case 'timeout':
      return `no answer from ${endpoint}`;
    case 'no-route':
      return `no route to ${host} (${code})`;
    case 'reset':
      return `connection closed by ${endpoint}`;
    case 'not-tls':
      return `${endpoint} does not speak TLS`;
    case 'untrusted':
      return `the certificate of ${endpoint} is not signed by the expected authority (${code})`;
    case 'certificate-time':
      return `the certificate of ${endpoint} is ${code === 'CERT_NOT_YET_VALID' ? 'not valid yet' : 'expired'} by this host's clock`;
    case 'certificate-name':
      return `the certificate of ${endpoint} is for other names: ${names || message}`;
    case 'client-certificate':
      return `${endpoint} does not accept the client certificate`;
    case 'other':
      return code ? `${message} (${code})` : message;
  }
}

interface Facts {
  code: string;
  message: string;
  /** Subject alternative names of a certificate that does not fit. */
  names: string;
}

/** Node tries several addresses of a name and then throws an AggregateError without a message: take its first part. */
function facts(error: unknown): Facts {
  if (error instanceof AggregateError && error.errors.length > 0 && !error.message) {
    return facts(error.errors[0]);
  }
  if (!(error instanceof Error)) return { code: '', message: String(error), names: '' };
  const { code = '', cert } = error as { code?: unknown; cert?: { subjectaltname?: string } };
  return { code: String(code), message: error.message, names: cert?.subjectaltname ?? '' };
}
