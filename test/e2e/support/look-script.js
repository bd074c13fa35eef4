// Runs on a node: waits until the expected Pods run and everything that they are asked is answered as expected, or tells
// what is not so. Times are of the processes themselves, so a late look does not make them worse. The argument is a `Wanted`
// of look.ts, the output its `Look`.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const { program, pods: wanted, questions, timeoutMs } = JSON.parse(process.argv[2]);
const ticksPerSecond = 100;
const read = (path) => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
/** Ticks from the machine's boot to the start of a process: field 22 of proc_pid_stat(5). */
const startOf = (pid) => Number(read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ')[19]);
const booted = startOf(1);
const sinceBoot = () => Number(read('/proc/uptime').split(' ')[0]) - booted / ticksPerSecond;
const round = (seconds) => Math.round(seconds * 100) / 100;

function findPods() {
  const found = {};
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || read(`/proc/${pid}/comm`).trim() !== program) continue;
    const name = /(?:^|\0)POD_NAME=([^\0]+)/.exec(read(`/proc/${pid}/environ`))?.[1];
    if (!name) continue;
    const local = [...read(`/proc/${pid}/net/fib_trie`).matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)];
    const addresses = [...new Set(local.map((match) => match[1]).filter((each) => !each.startsWith('127.')))];
    // In the network of the host there are several.
    const address = addresses.length === 1 ? addresses[0] : '';
    found[name] = { pid: Number(pid), address, started: round((startOf(pid) - booted) / ticksPerSecond) };
  }
  return found;
}

const ask = async (url) => (await fetch(url, { signal: AbortSignal.timeout(8000) })).json();

async function faultOf(question, pods) {
  const from = Object.keys(pods).find((name) => name.startsWith(question.from));
  const what = `${question.from}: ${question.path}`;
  if (!from || !pods[from].address) return `${what}: nobody to ask`;
  const answers = await ask(`http://${pods[from].address}:8080${question.path}`).catch((error) => [
    `error: ${error.cause?.code ?? error.message}`,
  ]);
  const seen = [...new Set(answers)].sort().join();
  const names =
    question.pods && Object.keys(pods).filter((name) => question.pods.some((each) => name.startsWith(each)));
  const right = question.addresses
    ? question.addresses.map((name) => pods[name]?.address ?? '?')
    : (question.answers ?? names);
  return seen === [...right].sort().join() ? undefined : `${what}: ${seen}, not ${[...right].sort().join()}`;
}

async function look() {
  const pods = findPods();
  const missing = Object.keys(wanted).filter((name) => !pods[name]);
  if (missing.length > 0) return { pods, faults: [`not running: ${missing.join(', ')}`] };
  const moved = Object.entries(wanted)
    .filter(([name, address]) => address !== '' && pods[name].address !== address)
    .map(([name, address]) => `${name} is at ${pods[name].address}, not ${address}`);
  const wrong = await Promise.all(questions.map((question) => faultOf(question, pods)));
  return { pods, faults: [...moved, ...wrong.filter(Boolean)] };
}

const end = performance.now() + timeoutMs;
let now = await look();
while (now.faults.length > 0 && performance.now() < end) {
  await setTimeout(200);
  now = await look();
}
const started = Object.values(now.pods).map((pod) => pod.started);
console.log(JSON.stringify({ ...now, lastPod: Math.max(0, ...started), allRight: round(sinceBoot()) }));
