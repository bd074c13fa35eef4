import { paths } from '../../src/host/paths.ts';
import type { NodeContext } from '../context.ts';

/** containerd 2's config.toml (version 3). Source: github.com/containerd/containerd, docs/cri/config.md. */
export async function containerdConfig(ctx: NodeContext, pause: string | undefined): Promise<string> {
  const { stringify } = await import('smol-toml');
  const { runtime } = ctx.edge;
  const apparmor =
    ((await ctx.host.readText('/sys/module/apparmor/parameters/enabled')) ?? '').trim() === 'Y';
  return stringify({
    version: 3,
    root: runtime.dataRoot,
    plugins: {
      'io.containerd.cri.v1.images': {
        snapshotter: runtime.snapshotter,
        ...(pause ? { pinned_images: { sandbox: pause } } : {}),
        registry: { config_path: paths.containerdHosts },
      },
      'io.containerd.cri.v1.runtime': {
        // Without CAP_SYS_RESOURCE nothing may lower its oom_score_adj, and every container start would fail.
        restrict_oom_score_adj: runtime.restrictOomScoreAdj || !ctx.machine.canLowerOomScore,
        disable_apparmor: !apparmor,
        cni: { bin_dirs: [paths.cniBin], conf_dir: paths.cniConfig },
        containerd: {
          default_runtime_name: 'runc',
          runtimes: {
            runc: {
              runtime_type: 'io.containerd.runc.v2',
              options: { BinaryName: `${paths.sbin}/runc`, SystemdCgroup: true },
            },
          },
        },
      },
    },
  });
}

/** containerd's unit, as upstream's containerd.service sets it; limits only where the machine lets them be raised. */
export function containerdUnit(privileged: boolean): string {
  const limits = privileged
    ? 'LimitNOFILE=1048576\nLimitNPROC=infinity\nLimitCORE=infinity\nOOMScoreAdjust=-999\n'
    : '';
  return `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target

[Service]
ExecStart=${paths.bin}/containerd
Type=notify
# Containers live on while containerd restarts.
KillMode=process
Delegate=yes
Restart=always
RestartSec=2
TasksMax=infinity
${limits}
[Install]
WantedBy=multi-user.target
`;
}

/** `hosts.toml` of one registry: its mirrors in the given order, then itself. */
export async function mirrorConfig(registry: string, mirrors: readonly string[]): Promise<string> {
  const { stringify } = await import('smol-toml');
  return stringify({
    server: `https://${registry}`,
    host: Object.fromEntries(mirrors.map((url) => [url, { capabilities: ['pull', 'resolve'] }])),
  });
}
