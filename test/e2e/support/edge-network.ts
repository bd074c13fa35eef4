import { programNode } from '../../../src/playground/node-package.ts';
import type { TestNode } from './playground.ts';

/** A process of each pod that runs the program, as the node sees it: pod name to process and IPv4 address. */
export async function podsRunning(
  node: TestNode,
  program: string,
): Promise<Record<string, { pid: string; address: string }>> {
  const { stdout } = await node.sh(
    `for pid in $(pidof ${program}); do
      name=$(tr '\\0' '\\n' < /proc/$pid/environ | sed -n 's/^HOSTNAME=//p')
      address=$(nsenter --target $pid --net ip -4 -o address show dev eth0 | awk '{print $4}' | head -n 1)
      echo "$name $pid \${address%/*}"
    done`,
    { allowFailure: true },
  );
  const rows = stdout.split('\n').map((line) => line.split(' '));
  return Object.fromEntries(
    rows.flatMap(([name, pid, address]) => (name && pid && address ? [[name, { pid, address }]] : [])),
  );
}

/** Body of what a URL answers, asked from the node or from the network of one of its processes; empty without an answer. */
export async function fetchFrom(node: TestNode, url: string, pid?: string): Promise<string> {
  const curl = ['curl', '-s', '--max-time', '2', url] as const;
  const { stdout } = await node.run(pid ? ['nsenter', '--target', pid, '--net', ...curl] : curl, {
    allowFailure: true,
  });
  return stdout.trim();
}

/** IPv4 addresses of a name, or the code of the error, from one name server: c-ares, with one try of two seconds. */
export async function resolveFrom(
  node: TestNode,
  server: string,
  name: string,
  pid?: string,
): Promise<string[] | string> {
  const script = `import { Resolver } from 'node:dns/promises';
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([${JSON.stringify(server)}]);
    console.log(JSON.stringify(await resolver.resolve4(${JSON.stringify(name)}).catch(({ code }) => code)));`;
  const program = [programNode, '--input-type=module', '-'] as const;
  const { stdout } = await node.run(pid ? ['nsenter', '--target', pid, '--net', ...program] : program, {
    input: script,
  });
  return JSON.parse(stdout) as string[] | string;
}
