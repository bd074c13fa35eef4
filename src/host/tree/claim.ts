import type { Seam } from '../seam.ts';
export async function claimTree(_seam: Seam, _at: string, _options: { content?: boolean }): Promise<boolean> {
  return false;
}
export async function removeTree(_seam: Seam, _at: string): Promise<boolean> {
  return false;
}
