/** Preloaded with --import: kills this process right after the n-th intent is on the disk (EDGEADM_KILL_AT). */
import fs from 'node:fs/promises';

const probe = await fs.open('/dev/null');
const prototype = Object.getPrototypeOf(probe) as { datasync(): Promise<void> };
await probe.close();
const { datasync } = prototype;
let left = Number(process.env.EDGEADM_KILL_AT);
prototype.datasync = async function (this: unknown) {
  await datasync.call(this);
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
};
