/** What a read wants to get and what is asked of the API server for it. */
export interface Negotiation {
  /** The answer may be JSON of the plain objects, so it can be cached. */
  cacheable: boolean;
  /** Accept header to send upstream. */
  accept: string;
}

const plain = new Set(['application/json', '*/*', 'application/*']);

/**
 * Binary forms (protobuf, CBOR) give way to JSON where the caller takes JSON as well, which client-go always does.
 * Tables and metadata-only forms (`as=…`), YAML and binary alone stay as they are and are not cached.
 */
export function negotiate(accept: string | undefined): Negotiation {
  if (accept === undefined || accept.trim() === '') return { cacheable: true, accept: 'application/json' };
  const types = accept.split(',').map((type) => {
    const [media = '', ...parameters] = type.split(';').map((part) => part.trim().toLowerCase());
    return { media, parameters };
  });
  const shaped = types.some(({ parameters }) => parameters.some((parameter) => parameter.startsWith('as=')));
  const json = types.some(
    ({ media, parameters }) =>
      plain.has(media) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)),
  );
  return shaped || !json ? { cacheable: false, accept } : { cacheable: true, accept: 'application/json' };
}
