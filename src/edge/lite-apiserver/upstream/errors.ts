/** The link was declared dead while a request was on it. */
export class LinkDown extends Error {
  readonly code = 'ELINKDOWN';
  constructor(reason: string) {
    super(`the API server cannot be reached: ${reason}`);
    this.name = 'LinkDown';
  }
}

/** Proof that no connection can be made: no need to wait for a probe. */
const unreachable = new Set([
  ...[
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
    'EADDRNOTAVAIL',
    'ENOTFOUND',
    'EAI_AGAIN',
  ],
]);

/** TLS does not come about; nothing was sent. */
const untrusted = new Set([
  ...['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ...['CERT_SIGNATURE_FAILURE', 'EPROTO'],
]);

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** True when the error says that the API server cannot be reached at all. */
export function isUnreachable(error: unknown): boolean {
  const code = codeOf(error);
  return unreachable.has(code) || untrusted.has(code) || (code === 'ETIMEDOUT' && isConnecting(error));
}

function isConnecting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall === 'connect';
}

/** True when TLS fails for the time: the clock of one side, or a certificate's end. */
export function isTimeError(error: unknown): boolean {
  return ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'].includes(codeOf(error));
}

/** What the status page says; a wrong clock is named, as it is the usual cause after a boot without a battery. */
export function describe(error: unknown, now: Date): string {
  const { message } = error as Error;
  switch (codeOf(error)) {
    case 'CERT_NOT_YET_VALID':
      return `the API server's certificate is not valid yet at this node's time, ${now.toISOString()}: the clock of this node is probably wrong`;
    case 'CERT_HAS_EXPIRED':
      return `the API server's certificate has expired at this node's time, ${now.toISOString()}: renew it, or correct the clock of this node`;
    default:
      return message;
  }
}
