import { Resolver } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { ReadinessProbe } from '../../../src/edge/lite-apiserver/pods/workload.ts';
import { acceptsTcp } from '../../../src/host/network/tcp.ts';

/** How the drill asks what runs on the node; tests give their own. Times in milliseconds. */
export interface Reach {
  /** Whether something accepts a TCP connection. */
  tcp(address: string, port: number, timeoutMs: number): Promise<boolean>;
  /** Status of an HTTP answer, 0 for none. Certificates are not verified, as the kubelet does not. */
  http(url: URL, options: { headers: Record<string, string>; timeoutMs: number }): Promise<number>;
  /** Addresses of a name, asked of one server over UDP. Rejects with the resolver's error. */
  resolve(name: string, server: string, timeoutMs: number): Promise<string[]>;
}

export const overNetwork: Reach = {
  tcp: acceptsTcp,
  http: (url, { headers, timeoutMs }) =>
    new Promise((resolve) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const options = { headers, signal, agent: false } as const;
      const sent =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...options, rejectUnauthorized: false })
          : httpRequest(url, options);
      sent.once('response', (answer) => {
        answer.resume();
        answer.once('error', () => {});
        resolve(answer.statusCode ?? 0);
        sent.destroy();
      });
      sent.on('error', () => resolve(0));
      sent.end();
    }),
  async resolve(name, server, timeoutMs) {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
    resolver.setServers([isIP(server) === 6 ? `[${server}]` : server]);
    try {
      return await resolver.resolve4(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENODATA') throw error;
      return resolver.resolve6(name);
    }
  },
};

/**
 * Asks what the kubelet would ask: true or false for HTTP and TCP probes, undefined for those that only the kubelet can
 * make (exec, gRPC). Contract: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes.
 */
export async function isReady(
  reach: Reach,
  address: string,
  { probe, ports }: { probe: ReadinessProbe; ports: readonly { name?: string; containerPort: number }[] },
  timeoutMs = 1000,
): Promise<boolean | undefined> {
  const number = (port: number | string) =>
    typeof port === 'number'
      ? port
      : (ports.find(({ name }) => name === port)?.containerPort ?? Number(port));
  const { httpGet, tcpSocket } = probe;
  if (tcpSocket) return reach.tcp(tcpSocket.host ?? address, number(tcpSocket.port), timeoutMs);
  if (!httpGet) return undefined;
  const host = httpGet.host ?? address;
  const origin = `${(httpGet.scheme ?? 'HTTP').toLowerCase()}://${isIP(host) === 6 ? `[${host}]` : host}:${number(httpGet.port)}`;
  if (!URL.canParse(origin)) return false;
  const headers = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const status = await reach.http(new URL(httpGet.path ?? '/', origin), { headers, timeoutMs });
  return status >= 200 && status < 400;
}
