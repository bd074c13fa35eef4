import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programNode } from '../../../src/playground/node-package.ts';
import type { TestNode } from './playground.ts';

/** Something that a Pod with the test server is asked, and what it must say. */
export interface Question {
  /** The first Pod whose name begins so is asked. */
  from: string;
  /** Of the test server: `/ask?url=…&times=12`, `/resolve?name=…`. */
  path: string;
  /** The answers are, together, the names of all Pods of this node that begin so, … */
  pods?: readonly string[];
  /** … or the addresses of these Pods, … */
  addresses?: readonly string[];
  /** … or these. */
  answers?: readonly string[];
}

export interface Wanted {
  /** Names of Pods, with the address that each must have; empty: any. */
  pods: Record<string, string>;
  questions: readonly Question[];
  timeoutMs: number;
}

/** Seconds are counted from the start of the node's systemd. */
export interface Look {
  pods: Record<string, { pid: number; address: string; started: number }>;
  /** Empty when all is right. */
  faults: string[];
  /** When the process of the last Pod started. */
  lastPod: number;
  /** When everything was seen to be right, at the latest. */
  allRight: number;
}

/** Waits, on the node itself, until what is wanted is so; also says what is not after `timeoutMs`. Needs no API server. */
export async function look(node: TestNode, wanted: Wanted): Promise<Look> {
  const input = await readFile(join(import.meta.dirname, 'look-script.js'), 'utf8');
  const given = JSON.stringify({ program: 'testserver', ...wanted });
  const { stdout } = await node.run([programNode, '--input-type=module', '-', given], {
    input,
    timeoutMs: wanted.timeoutMs + 60_000,
  });
  return JSON.parse(stdout) as Look;
}

/** Asks the test server of a Pod of this node, from the node. */
export async function askPod<T>(node: TestNode, address: string, path: string): Promise<T> {
  const { stdout } = await node.run(['curl', '-sS', '--max-time', '10', `http://${address}:8080${path}`]);
  return JSON.parse(stdout) as T;
}
