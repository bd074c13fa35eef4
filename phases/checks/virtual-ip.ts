import type { InitSettings } from '../../src/config/types.ts';
import type { Host } from '../../src/host/host.ts';
import { kubeVipManifest } from '../node/kube-vip.ts';
import { endpointAddress, placeOf } from '../node/virtual-ip.ts';
import { type Check, error, isInit, type NodeSettings, warning } from './check.ts';

const knockTimeoutMs = 1_000;

/** Whether a host answers to an address, be it by refusing the connection. */
export type Knock = (address: string, port: number, signal: AbortSignal) => Promise<boolean>;

/**
 * The control-plane endpoint when kube-vip shall carry it: an address of this host's network that nobody has yet. Only
 * init looks: by then nothing is there that could answer but another host.
 */
export function virtualIpCheck(knock: Knock = knockByTcp): Check<NodeSettings> {
  return {
    name: 'VirtualIP',
    applies: (settings) => isInit(settings) && settings.edge.ha.provider === 'kube-vip',
    async run(host, settings, { signal }) {
      const { controlPlaneEndpoint, bindPort } = settings as InitSettings;
      const endpoint = endpointAddress(controlPlaneEndpoint);
      if (!endpoint || (await host.stat(kubeVipManifest))) return [];
      const { address, port = bindPort } = endpoint;
      const place = await placeOf(host, address, signal);
      if (place.here) return [];
      const balancer = "If it is a load balancer's, pass --default-ha=''";
      if (!place.link && !settings.edge.ha.interface) {
        const message = `the control-plane endpoint ${address} is in no network of this host, so that kube-vip cannot carry it`;
        return [warning(message, `${balancer}; else choose a free address of this host's network.`)];
      }
      if (port !== bindPort) {
        const message = `kube-vip cannot carry ${controlPlaneEndpoint}: the API server listens on port ${bindPort}`;
        return [error(message, `${balancer}; else give both the same port (--apiserver-bind-port).`)];
      }
      if (!(await knock(address, port, signal)) && !(await isNeighbour(host, address, signal))) return [];
      const message = `another host has the address ${address}, which kube-vip shall carry as the control-plane endpoint`;
      return [error(message, `${balancer}; else choose an address that is free.`)];
    },
  };
}

export const virtualIp = virtualIpCheck();

/** After the knock the kernel has a fresh answer of the address' owner, if there is one, also behind a firewall. */
async function isNeighbour(host: Host, address: string, signal: AbortSignal): Promise<boolean> {
  const command = { file: 'ip', args: ['-j', 'neighbour', 'show', 'to', address], signal };
  const { stdout } = await host.query(command, { allowFailure: true });
  const found = (stdout.trim() === '' ? [] : JSON.parse(stdout)) as { lladdr?: string; state?: string[] }[];
  return found.some(({ lladdr, state = [] }) => lladdr !== undefined && state.includes('REACHABLE'));
}

async function knockByTcp(address: string, port: number, signal: AbortSignal): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, signal, timeout: knockTimeoutMs });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', (fault: NodeJS.ErrnoException) => end(fault.code === 'ECONNREFUSED'));
  });
}
