import { expect } from 'vitest';
import { renderDocuments } from '../../../src/config/documents.ts';
import type { KubeDocument } from '../../../src/config/types.ts';
import { initConfig } from '../../../src/playground/cluster-config.ts';
import type { EdgeadmOutcome } from '../../../src/playground/edgeadm.ts';
import type { TestNode, TestPlayground } from './playground.ts';

interface JoinFacts {
  endpoint: string;
  token: string;
  caCertHash: string;
  certificateKey?: string;
}

export function joinFacts(initialised: EdgeadmOutcome): JoinFacts {
  const facts = initialised.result?.data?.join as JoinFacts | undefined;
  if (!facts)
    throw new Error(
      `init gave no join facts: ${JSON.stringify(initialised.result)}\n${initialised.output.join('\n')}`,
    );
  return facts;
}

/** `join …` as init's last message says it. */
export function joinArguments(playground: TestPlayground, initialised: EdgeadmOutcome): string[] {
  const { endpoint, token, caCertHash } = joinFacts(initialised);
  return [
    'join',
    endpoint,
    '--token',
    token,
    '--discovery-token-ca-cert-hash',
    caCertHash,
    '--install-pkg-path',
    playground.packagePath,
  ];
}

/** Waits until so many nodes are Ready; fails with their conditions. */
export async function waitForReady(playground: TestPlayground, nodes: number): Promise<void> {
  const { stdout } = await playground.kubectl(
    ['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=120s'],
    { timeoutMs: 150_000 },
  );
  expect(stdout.match(/condition met/g)?.length).toBe(nodes);
}

/**
 * `init …` with the file that a test node needs (its disk is the machine's: the kubelet must not evict over it). `more`
 * are further documents of the file.
 */
export async function initArguments(
  playground: TestPlayground,
  { node = playground.controlPlane, more = [] }: { node?: TestNode; more?: KubeDocument[] } = {},
): Promise<string[]> {
  const path = '/root/cluster.yaml';
  const documents = initConfig(more, { subnet: playground.subnet, controlPlanes: 1, address: node.address });
  await node.write(path, renderDocuments(documents));
  return ['init', '--config', path, '--install-pkg-path', playground.packagePath];
}

/** The image of the package that has a shell and tools, as `busybox`; every node has it. */
export async function shellImage(kubectl: TestPlayground['kubectl']): Promise<string> {
  const path = '{.spec.template.spec.containers[0].image}';
  const flannel = ['get', 'daemonset', '--namespace=kube-flannel', 'kube-flannel-ds'];
  return (await kubectl([...flannel, '-o', `jsonpath=${path}`])).stdout;
}

/** A Pod on a node that runs a command of the image with a shell. */
export const shellPod = (name: string, node: TestNode, image: string, command: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: node.hostname,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image, imagePullPolicy: 'Never', command }],
  },
});

/** Running containers of a node by their ids and pids: the same ones were not started again. */
export async function runningContainers(node: TestNode): Promise<string[]> {
  const { stdout } = await node.run(['ctr', '--namespace', 'k8s.io', 'tasks', 'ls']);
  return stdout.trim().split('\n').slice(1).sort();
}
