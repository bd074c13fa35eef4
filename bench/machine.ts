import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** One line about what the figures were taken on. */
export async function describeMachine(): Promise<string> {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(await readFile('/etc/os-release', 'utf8').catch(() => ''));
  const facts = [
    `${availableParallelism()} CPUs (${cpus()[0]?.model.trim() ?? arch()})`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory`,
    system?.[1],
    `Linux ${release()}`,
    `Node.js ${process.version}`,
    new Date().toISOString().slice(0, 10),
  ];
  return `${facts.filter(Boolean).join(', ')}.`;
}

/** Of the last minute and the last five. */
export const load = (): string =>
  loadavg()
    .slice(0, 2)
    .map((value) => value.toFixed(2))
    .join(', ');
