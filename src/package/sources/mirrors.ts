import { EdgeadmError } from '../../errors.ts';

/** Where published files and images are taken from instead of upstream's own hosts. */
export interface Mirrors {
  /** The address to fetch instead of `original`. */
  url(original: string): string;
  /** API base (`https://host/v2/`) and repository of an image name without its tag: `registry.k8s.io/coredns/coredns`. */
  repository(name: string): { api: string; repository: string };
}

/**
 * `mirrors`: `https://m.example/base` holds every host below its name (`…/base/dl.k8s.io/v1.36.3/…`), and
 * `dl.k8s.io=https://m.example` one host as it is. `registries`: `reg.example:5000/path` holds all images below their
 * repository's name, `ghcr.io=reg.example:5000` those of one registry. A registry is spoken to over https unless it is
 * on loopback or written with `http://`. Errors: E_USAGE.
 */
export function parseMirrors(mirrors: readonly string[], registries: readonly string[]): Mirrors {
  const hosts = assignments(mirrors, 'mirror');
  const stores = assignments(registries, 'registry');
  for (const target of hosts.values()) checkUrl(target, 'mirror');
  for (const target of stores.values()) checkUrl(registryUrl(target), 'registry');
  return {
    url(original) {
      const { host, pathname, search } = new URL(original);
      const one = hosts.get(host);
      if (one !== undefined) return `${one.replace(/\/$/, '')}${pathname}${search}`;
      const all = hosts.get('');
      return all === undefined ? original : `${all.replace(/\/$/, '')}/${host}${pathname}${search}`;
    },
    repository(name) {
      const slash = name.indexOf('/');
      const host = name.slice(0, slash);
      const target = new URL(registryUrl(stores.get(host) ?? stores.get('') ?? host));
      const prefix = target.pathname.replace(/^\/|\/$/g, '');
      const repository = prefix === '' ? name.slice(slash + 1) : `${prefix}/${name.slice(slash + 1)}`;
      return { api: `${target.origin}/v2/`, repository };
    },
  };
}

/** `FROM=TO` by FROM; a bare `TO` stands for all, under the empty name. */
function assignments(values: readonly string[], flag: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const value of values) {
    const [, from = '', to = ''] = /^(?:([^=/]+)=)?(.+)$/.exec(value) ?? [];
    if (to === '' || found.has(from)) {
      throw new EdgeadmError(
        'E_USAGE',
        `--${flag} ${JSON.stringify(value)} is ${to === '' ? 'empty' : 'given twice'}`,
        {
          hint: `Write --${flag} TARGET once, or --${flag} HOST=TARGET once for each host.`,
        },
      );
    }
    found.set(from, to);
  }
  return found;
}

function registryUrl(target: string): string {
  if (/^https?:\/\//.test(target)) return target;
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(target)
    ? `http://${target}`
    : `https://${target}`;
}

function checkUrl(target: string, flag: string): void {
  if (URL.canParse(target) && /^https?:$/.test(new URL(target).protocol)) return;
  throw new EdgeadmError('E_USAGE', `--${flag} ${JSON.stringify(target)} is no http or https address`);
}
