import { parseAddress } from '../../src/config/cidr.ts';
import { parseHostPort } from '../../src/config/hostport.ts';
import type { Host } from '../../src/host/host.ts';

/** Where an IP address is, seen from a host. */
export interface Place {
  /** Link that has it, or whose network it is in; undefined when it is beyond a router. */
  link: string | undefined;
  /** The host has it itself. */
  here: boolean;
}

/** The IP address of a control-plane endpoint; undefined when there is none or it is a DNS name. */
export function endpointAddress(
  endpoint: string | undefined,
): { address: string; port: number | undefined } | undefined {
  const parsed = parseHostPort(endpoint ?? '');
  if (!('endpoint' in parsed) || !parsed.endpoint.family) return undefined;
  return { address: parsed.endpoint.host, port: parsed.endpoint.port };
}

/** Looks an address up among the host's own ones and its routes, by iproute2. */
export async function placeOf(host: Host, address: string, signal?: AbortSignal): Promise<Place> {
  const ip = async <T>(...args: string[]): Promise<T[]> => {
    const command = { file: 'ip', args: ['-j', ...args], ...(signal && { signal }) };
    // Without any route `ip route get` fails: the address is out of reach.
    const { stdout } = await host.query(command, { allowFailure: true });
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
  };
  const wanted = parseAddress(address);
  const links = await ip<{ ifname: string; addr_info?: { local?: string }[] }>('address', 'show');
  const holder = links.find(({ addr_info = [] }) =>
    addr_info.some(({ local = '' }) => {
      const own = parseAddress(local);
      return own?.family === wanted?.family && own?.value === wanted?.value;
    }),
  );
  if (holder) return { link: holder.ifname, here: true };
  const [route] = await ip<{ dev?: string; gateway?: string }>('route', 'get', address);
  return { link: route?.gateway === undefined ? route?.dev : undefined, here: false };
}
