import type { Benchmark } from './benchmark.ts';

/** The proxy of an edge node; see lite-apiserver.ts. */
export const liteApiserver: Benchmark = {
  name: 'lite-apiserver',
  title: 'lite-apiserver',
  text: 'The caching proxy of an edge node against the API server direct: a fake API server, nine fake peers, the process of the node with all that it does there, and the clients are a process each, on one machine. GETs come at 100 a second, after 1000 that are not counted, LISTs are of 5 MB, changes come at 1000 a second. Memory and CPU are those of the idle process with the watches of a kubelet with 110 pods.',
  async run() {
    const { benchLiteApiserver } = await import('./lite-apiserver.ts');
    const { get, list, watch, idle, disk } = await benchLiteApiserver();
    return {
      rows: [
        { what: 'GET, median', unit: 'ms', ours: [get.proxied.p50], theirs: [get.direct.p50] },
        { what: 'GET, 99th percentile', unit: 'ms', ours: [get.proxied.p99], theirs: [get.direct.p99] },
        { what: 'GET, added, median', unit: 'ms', ours: [get.added.p50], goal: '≤ 1 ms' },
        { what: 'GET, added, 99th percentile', unit: 'ms', ours: [get.added.p99], goal: '≤ 5 ms' },
        {
          ...{ what: 'LIST with gzip, as client-go asks for it', unit: 'MB/s' as const, goal: '≥ 0.8' },
          ...{ ours: [list.proxiedGzip], theirs: [list.directGzip] },
        },
        {
          ...{ what: 'LIST without', unit: 'MB/s' as const, goal: '≥ 0.8' },
          ...{ ours: [list.proxied], theirs: [list.direct] },
        },
        { what: 'watch, median lag', unit: 'ms', ours: [watch.proxied.p50], theirs: [watch.direct.p50] },
        { what: 'watch, 99th percentile', unit: 'ms', ours: [watch.proxied.p99], theirs: [watch.direct.p99] },
        { what: 'resident memory', unit: 'MB', ours: [idle.rssMegabytes], goal: '≤ 80 MB' },
        { what: 'of which its own', unit: 'MB', ours: [idle.anonymousMegabytes] },
        { what: 'CPU, idle', unit: '%', ours: [idle.cpuPercent] },
        { what: 'written to the disk, idle', unit: 'KB/h', ours: [disk.idleBytesPerHour / 1000] },
        { what: 'written, a change each second', unit: 'KB/h', ours: [disk.busyBytesPerHour / 1000] },
      ],
    };
  },
};
