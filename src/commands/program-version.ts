import manifest from '../../package.json' with { type: 'json' };

/** Version of edgeadm without the leading `v`. */
export const programVersion: string = manifest.version;
