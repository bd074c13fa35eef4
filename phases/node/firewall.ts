import { localApiPort } from '../../src/config/edge-node.ts';
import { hasTunnel, tunnel } from '../../src/config/tunnel.ts';
import { defaultHealthPort } from '../../src/edge/health/protocol.ts';
import type { NodeContext } from '../context.ts';

/** Ports that Kubernetes and flannel need open between nodes (kubernetes.io/docs/reference/networking/ports-and-protocols). */
function neededPorts(ctx: NodeContext): string[] {
  const ports = ['10250/tcp'];
  if (ctx.role === 'control-plane') ports.push('6443/tcp', '2379-2380/tcp');
  // Pods reach it on the edge virtual address, which no other host routes to.
  if (ctx.role === 'edge') ports.push(`${localApiPort}/tcp`);
  if (ctx.role === 'edge' && ctx.edge.addons['edge-health']?.enabled !== false)
    ports.push(`${defaultHealthPort}/tcp`);
  if (mayServeTunnel(ctx)) ports.push(`${tunnel.agentPort}/tcp`);
  if (ctx.edge.cni.name === 'flannel' && ctx.edge.cni.flannel.backend === 'vxlan') {
    ports.push(`${ctx.edge.cni.flannel.port ?? 8472}/udp`);
  }
  return ports;
}

/** What a further control-plane node will have is the cluster's matter: `join --enable-edge=false` says nothing about it. */
function mayServeTunnel({ command, role, edge }: NodeContext): boolean {
  if (role !== 'control-plane') return false;
  return command === 'join' ? edge.addons.tunnel?.enabled !== false : hasTunnel(edge);
}

/** Opens what is needed in firewalld or ufw, whichever is active. The firewall itself stays on. */
export async function openFirewall(ctx: NodeContext): Promise<boolean> {
  const { host } = ctx;
  const active = async (unit: string) =>
    (
      await host.query({ file: 'systemctl', args: ['is-active', unit] }, { allowFailure: true })
    ).stdout.trim() === 'active';
  let changed = false;
  if (await active('firewalld.service')) {
    for (const port of neededPorts(ctx)) {
      const is = await host.query(
        { file: 'firewall-cmd', args: ['--permanent', `--query-port=${port}`] },
        { allowFailure: true },
      );
      if (is.exitCode === 0) continue;
      for (const permanent of [[], ['--permanent']]) {
        await host.run(
          { file: 'firewall-cmd', args: [...permanent, `--add-port=${port}`] },
          {
            key: `firewalld${permanent.join('')}:${port}`,
            summary: `open ${port} in firewalld`,
            undo: { file: 'firewall-cmd', args: [...permanent, `--remove-port=${port}`] },
          },
        );
      }
      changed = true;
    }
  }
  if (await active('ufw.service')) {
    const status = await host.query({ file: 'ufw', args: ['status'] }, { allowFailure: true });
    for (const port of neededPorts(ctx).map((p) => p.replace('-', ':'))) {
      if (new RegExp(`^${port}\\s+ALLOW`, 'm').test(status.stdout)) continue;
      await host.run(
        { file: 'ufw', args: ['allow', port] },
        {
          key: `ufw:${port}`,
          summary: `open ${port} in ufw`,
          undo: { file: 'ufw', args: ['delete', 'allow', port] },
        },
      );
      changed = true;
    }
  }
  return changed;
}
