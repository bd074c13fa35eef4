import type { Seam } from '../seam.ts';

export interface Link {
  name: string;
  /** `bridge`, `veth`, `dummy`; empty for hardware. */
  kind: string;
  master?: string;
}

export interface Address {
  link: string;
  local: string;
  prefix: number;
}

export interface Route {
  family: '4' | '6';
  dst: string;
  gateway?: string;
  dev?: string;
  table?: string;
}

export interface Links {
  links: Link[];
  addresses: Address[];
  routes: Route[];
  /** As `ip rule` lists them; nothing of ours makes any. */
  rules: unknown[];
}

interface LinkJson {
  ifname: string;
  master?: string;
  linkinfo?: { info_kind?: string };
  addr_info?: { local?: string; prefixlen?: number }[];
}

/** Links, addresses, routes and rules by iproute2's JSON output. */
export async function readLinks(seam: Seam): Promise<Links> {
  const found = await ip<LinkJson>(seam, ['-d', 'address', 'show']);
  const links = found.map(({ ifname, master, linkinfo }) => ({
    name: ifname,
    kind: linkinfo?.info_kind ?? '',
    ...(master === undefined ? {} : { master }),
  }));
  const addresses = found.flatMap(({ ifname, addr_info }) =>
    (addr_info ?? []).flatMap(({ local, prefixlen }) =>
      local === undefined ? [] : [{ link: ifname, local, prefix: prefixlen ?? 32 }],
    ),
  );
  const routes: Route[] = [];
  const rules: unknown[] = [];
  for (const family of ['4', '6'] as const) {
    for (const { dst, gateway, dev, table } of await ip<Route>(seam, [
      `-${family}`,
      'route',
      'show',
      'table',
      'all',
    ])) {
      routes.push(JSON.parse(JSON.stringify({ family, dst, gateway, dev, table })) as Route);
    }
    rules.push(...(await ip<unknown>(seam, [`-${family}`, 'rule', 'show'])));
  }
  return { links, addresses, routes, rules };
}

async function ip<T>(seam: Seam, args: string[]): Promise<T[]> {
  // Without IPv6 in the kernel, `ip -6` fails.
  const { stdout } = await seam.execute(
    { file: 'ip', args: ['-j', ...args] },
    { level: 4, allowFailure: true },
  );
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
}
