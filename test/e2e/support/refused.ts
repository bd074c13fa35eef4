import { expect } from 'vitest';
import type { EdgeadmResult } from '../../../src/playground/edgeadm.ts';
import type { TestNode } from './playground.ts';
import { diffSnapshots, type Snapshot } from './snapshot.ts';

/** Something that is wrong with a node: shell scripts that make it so and set it right again. */
export interface Fault {
  spoil: string;
  mend: string;
}

export interface Attempt {
  args: readonly string[];
  fault?: Fault;
  /** Put before `edgeadm`: a program that runs it as somebody else. */
  prefix?: readonly string[];
}

/** How edgeadm refused. */
export interface Refusal {
  exitCode: number;
  code: string;
  /** Message, details and hint: all that a user reads. */
  text: string;
}

/**
 * Runs edgeadm, which must fail, on a node with something wrong with it. When that is mended the node must be as in the
 * snapshot `before`: edgeadm left nothing.
 */
export async function refused(node: TestNode, before: Snapshot, attempt: Attempt): Promise<Refusal> {
  const { args, fault, prefix = [] } = attempt;
  const [file = '', ...rest] = [...prefix, 'edgeadm', ...args, '-o', 'json'];
  let refusal: Refusal;
  try {
    if (fault) await node.sh(fault.spoil);
    refusal = readRefusal(await node.run([file, ...rest], { allowFailure: true }));
  } finally {
    if (fault) await node.sh(fault.mend);
  }
  expect(diffSnapshots(before, await node.snapshot()), refusal.text).toEqual([]);
  return refusal;
}

function readRefusal({ exitCode, stdout, stderr }: Awaited<ReturnType<TestNode['run']>>): Refusal {
  const { error } = JSON.parse(stdout.trim().split('\n').at(-1) || '{}') as Partial<EdgeadmResult>;
  if (!error) throw new Error(`edgeadm did not refuse: exit status ${exitCode}\n${stdout}${stderr}`);
  const { code, message, hint = '', details = [] } = error;
  return { exitCode, code, text: [message, ...details, hint].join('\n') };
}

/** A small disk at a directory. Mending fails when anything was left on it. */
export function smallDisk(
  directory: string,
  { size, full = false }: { size: string; full?: boolean },
): Fault {
  return {
    spoil: `
      mkdir ${directory}
      mount -t tmpfs -o size=${size},mode=0700 tmpfs ${directory}
      ${full ? `cat /dev/zero > ${directory}/filler 2>/dev/null || true` : ''}`,
    mend: `
      rm -f ${directory}/filler
      left=$(ls -A ${directory})
      umount ${directory}
      rmdir ${directory}
      test -z "$left" || { echo "left on the disk: $left" >&2; exit 1; }`,
  };
}

/** A program that is gone for a while. */
export function withoutPrograms(...programs: readonly string[]): Fault {
  return {
    spoil: programs.map((program) => `mv ${program} ${program}.away`).join('\n'),
    mend: programs.map((program) => `mv ${program}.away ${program}`).join('\n'),
  };
}

/** A clock that is wrong by so much, as far as programs ask `date`. */
export function clockAt(date: string): Fault {
  const shim = '/usr/local/sbin/date';
  return {
    spoil: `printf '#!/bin/sh\\nexec /bin/date --date="${date}" "$@"\\n' > ${shim}; chmod 755 ${shim}`,
    mend: `rm ${shim}`,
  };
}
