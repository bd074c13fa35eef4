import { thisMachine } from '../../src/playground/machine.ts';
import { install } from '../../src/playground/prerequisites/tools.ts';

const needed = { ip: 'iproute2', iptables: 'iptables', nft: 'nftables' };

/** Some tests hold edgeadm against the real packet filter, in a network of their own; a small Debian has not all that takes. */
export default async function setup(): Promise<void> {
  // Those tests are for root.
  if (process.getuid?.() !== 0) return;
  const machine = await thisMachine(() => {});
  const missing: string[] = [];
  for (const [program, debian] of Object.entries(needed))
    if (!(await machine.find(program))) missing.push(debian);
  if (missing.length > 0) await install(machine, missing, () => {}, AbortSignal.timeout(600_000));
}
