// Run inside a node by its own Node.js; prints the facts of a snapshot as JSON. Plain JavaScript without imports of
// this project, since it is sent over standard input. Arguments: paths to leave out, as JSON.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const excluded = JSON.parse(process.argv[2]).map((source) => new RegExp(source));

const files = {};
function walk(path) {
  if (excluded.some((pattern) => pattern.test(path))) return;
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return;
  const owner = `${(facts.mode & 0o7777).toString(8).padStart(4, '0')} ${facts.uid}:${facts.gid}`;
  if (facts.isDirectory()) {
    files[path] = `directory ${owner}`;
    for (const name of readdirSync(path)) walk(path === '/' ? `/${name}` : `${path}/${name}`);
  } else if (facts.isSymbolicLink()) {
    files[path] = `symlink ${facts.uid}:${facts.gid} -> ${readlinkSync(path)}`;
  } else if (facts.isFile()) {
    files[path] =
      `file ${owner} ${facts.size} sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  } else {
    files[path] = `${facts.isSocket() ? 'socket' : facts.isFIFO() ? 'fifo' : 'device'} ${owner}`;
  }
}
walk('/');

function run(file, ...args) {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26,
    });
  } catch {
    return '';
  }
}
const lines = (text) => text.split('\n').filter((line) => line.trim() !== '');
const json = (...args) => JSON.parse(run('ip', '-json', ...args) || '[]');
const pairs = (entries) => Object.fromEntries(entries);

const sysctls = {};
const varying =
  /nf_conntrack_count|tcp_fastopen_key|stable_secret|\/neigh\/|\/route\/|ipv6\/icmp|nf_log|udp_mem|tcp_mem|ip_local_reserved_ports_dynamic/;
function readSysctls(path) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = `${path}/${entry.name}`;
    if (varying.test(child)) continue;
    if (entry.isDirectory()) {
      readSysctls(child);
      continue;
    }
    try {
      sysctls[child.slice('/proc/sys/'.length).replaceAll('/', '.')] = readFileSync(child, 'utf8').trim();
    } catch {
      // Write-only keys.
    }
  }
}
readSysctls('/proc/sys/net');
// These belong to the machine, not to the node, but programs on a node can set them.
for (const key of [
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'vm.swappiness',
  'vm.max_map_count',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
]) {
  try {
    sysctls[key] = readFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    // Not in this kernel.
  }
}

const unitFiles = lines(run('systemctl', 'list-unit-files', '--plain', '--no-legend')).map((line) => {
  const [unit, state] = line.split(/\s+/);
  return [unit, state];
});
const transient = /\.(scope|device)$|^(run-|user@|user-runtime|systemd-tmpfiles-clean|systemd-fsck)/;
const units = lines(
  run('systemctl', 'list-units', '--all', '--state=active,activating,failed', '--plain', '--no-legend'),
)
  .map((line) => line.trim().split(/\s+/))
  .filter(([unit]) => !transient.test(unit))
  .map(([unit, , active]) => [unit, active]);

// An address of a link that has just come up is tried out for a second or two before it is used.
for (let wait = 0; wait < 50 && run('ip', 'address', 'show', 'tentative').includes('inet6'); wait += 1) {
  run('sleep', '0.1');
}
const links = json('-details', 'link').map(({ ifname, mtu, flags, master, linkinfo }) => [
  ifname,
  [
    linkinfo?.info_kind ?? 'link',
    `mtu ${mtu}`,
    flags.includes('UP') ? 'up' : 'down',
    master && `master ${master}`,
  ]
    .filter(Boolean)
    .join(' '),
]);
const addresses = json('address').flatMap(({ ifname, addr_info }) =>
  addr_info.map(({ local, prefixlen, scope }) => `${ifname} ${local}/${prefixlen} ${scope}`),
);
const describeRoute = ({ type, dst, gateway, dev, table, protocol, prefsrc }) =>
  [
    type,
    dst,
    gateway && `via ${gateway}`,
    dev && `dev ${dev}`,
    `table ${table ?? 'main'}`,
    protocol,
    prefsrc && `src ${prefsrc}`,
  ]
    .filter(Boolean)
    .join(' ');
const routes = ['-4', '-6'].flatMap((family) =>
  json(family, 'route', 'show', 'table', 'all').map((route) => `${family.slice(1)}: ${describeRoute(route)}`),
);
const rules = ['-4', '-6'].flatMap((family) =>
  json(family, 'rule').map((rule) => `${family.slice(1)}: ${JSON.stringify(rule)}`),
);

const firewall = {};
for (const tool of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
  firewall[tool] = lines(run(`${tool}-save`))
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/g, ''));
}
firewall.nft = lines(run('nft', 'list', 'ruleset')).map((line) =>
  line.replace(/counter packets \d+ bytes \d+/, 'counter'),
);

const mounts = lines(readFileSync('/proc/self/mountinfo', 'utf8'))
  .map((line) => {
    const [left, right] = line.split(' - ');
    const fields = left.split(' ');
    const [type, source] = right.split(' ');
    return `${fields[4]} ${type} ${source} ${fields[5]}`;
  })
  // Systemd's own, for the time a unit starts.
  .filter((mount) => !mount.startsWith('/run/credentials/'));

const passing = /^(systemd.*|\(.*\)|sd-pam|podman|conmon|ps|node|MainThread|timeout|sh|runc.*|exe)$/;
const processes = readdirSync('/proc')
  .filter((name) => /^\d+$/.test(name))
  .flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()];
    } catch {
      return [];
    }
  })
  .filter((name) => !passing.test(name));

const set = (values) => [...new Set(values)].sort();
process.stdout.write(
  JSON.stringify({
    files,
    unitFiles: pairs(unitFiles),
    units: pairs(units),
    sysctls,
    links: pairs(links),
    addresses: set(addresses),
    routes: set(routes),
    rules: set(rules),
    // The order of rules matters, so they stay a text.
    firewall: pairs(Object.entries(firewall).map(([tool, text]) => [tool, text.join('\n')])),
    mounts: set(mounts),
    processes: set(processes),
  }),
);
