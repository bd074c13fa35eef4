import { networkInterfaces } from 'node:os';
import { hostAddresses } from '../config/addresses.ts';
import type { MachineFacts } from '../config/types.ts';
import { machineFacts as hostFacts } from '../host/machine.ts';

/** What configuration needs to know of this machine. Errors: E_PREFLIGHT for a processor without packages. */
export async function machineFacts(): Promise<MachineFacts> {
  return { ...(await hostFacts()), addresses: hostAddresses(networkInterfaces()) };
}
