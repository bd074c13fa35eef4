import type { NetworkClaim } from '../host.ts';
import type { Seam } from '../seam.ts';
export async function claimNetwork(_seam: Seam, _claim: NetworkClaim): Promise<boolean> {
  return false;
}
