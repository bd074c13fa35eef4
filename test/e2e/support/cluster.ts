import { expect } from 'vitest';
import type { EdgeadmOutcome } from '../../../src/playground/edgeadm.ts';
import type { TestPlayground } from './playground.ts';

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
