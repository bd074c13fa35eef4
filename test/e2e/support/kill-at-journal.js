/**
 * Preloaded into edgeadm on a test node (NODE_OPTIONS=--import): kills the process with SIGKILL right after an intent was
 * synced to the journal, or a while into the work that follows. Each point is used once, so that running the same
 * command again and again gets one point further each time. Points already used are kept in KILL_STATE.
 */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';

const journal = '/var/lib/edgeadm/journal.jsonl';
const state = process.env.KILL_STATE;
const stride = Number(process.env.KILL_STRIDE);
/** Milliseconds into work that takes longer than a moment; such work is always killed, whatever the stride. */
const delays = stride === 1 ? [0, 300, 1000, 2500, 5000] : [0, 2000];
/** The longest and most delicate work gets more. */
const kubeadmDelays = [0, 500, 1500, 3000, 5000, 8000];

const used = readLines(state);
const handle = await open('/dev/null');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { datasync } = prototype;
let seen = readLines(`${state}.seen`).length;

prototype.datasync = async function (...args) {
  await datasync.apply(this, args);
  const last = JSON.parse(readLines(journal).at(-1));
  const work = last.key.startsWith('work:');
  const times = /^work:kubeadm-(init|join)$/.test(last.key) ? kubeadmDelays : delays;
  const points = work ? times.map((delay) => `${last.key}@${delay}`) : [last.key];
  const point = points.find((name) => !used.includes(name));
  if (!point) return;
  append(`${state}.seen`, point);
  append(state, point);
  used.push(point);
  seen += 1;
  if (!work && seen % stride !== 0) return;
  append(`${state}.killed`, point);
  const delay = Number(/@(\d+)$/.exec(point)?.[1] ?? 0);
  if (delay === 0) process.kill(process.pid, 'SIGKILL');
  else setTimeout(() => process.kill(process.pid, 'SIGKILL'), delay).unref();
};

function readLines(path) {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

function append(path, line) {
  const file = openSync(path, 'a');
  writeSync(file, `${line}\n`);
  fsyncSync(file);
  closeSync(file);
}
