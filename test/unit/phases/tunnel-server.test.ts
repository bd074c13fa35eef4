import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pairOf, serverCertificatePath, serverConfPath } from '../../../phases/node/tunnel-certificates.ts';
import {
  renewTunnelServer,
  tunnelServerManifest,
  tunnelServerPhase,
} from '../../../phases/node/tunnel-server.ts';
import { paths } from '../../../src/host/paths.ts';
import { alternativeNames } from '../../../src/kube/issue-certificate.ts';
import { FakeHost } from '../../fakes/host.ts';
import { createCertificate } from '../../fakes/pki.ts';
import { apiNames, ca, controlPlane, initContext, local, podOf, run } from './tunnel-support.ts';

describe('the konnectivity server', () => {
  it('gets a serving pair with the names of the API server and a client pair, made here, for root alone', async () => {
    const host = controlPlane();
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(true);
    const serving = new X509Certificate(host.files[serverCertificatePath]!);
    expect(serving.verify(ca.publicKey)).toBe(true);
    expect(alternativeNames(serving).sort()).toEqual([...apiNames].sort());
    const client = await pairOf(host.files[serverConfPath]!);
    expect(new X509Certificate(client.certificate).subject).toBe('CN=system:konnectivity-server');
    expect(host.files[serverConfPath]).toContain(`server: ${local}\n`);
    for (const path of [`${paths.pki}/konnectivity-server.key`, serverConfPath, tunnelServerManifest]) {
      expect((await host.stat(path))?.mode, path).toBe(0o600);
    }
    expect(host.changes.join()).not.toContain('PRIVATE KEY');
    expect(podOf(host).args).toContain('--server-id=node-1');
  });

  it('stays as it is at a second run', async () => {
    const host = controlPlane();
    await tunnelServerPhase.run!(initContext(host), run);
    const before = { ...host.files };
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(false);
    expect(host.files).toEqual(before);
  });

  it('is started again with new certificates when they are renewed, or the API server has another name', async () => {
    const host = controlPlane();
    await tunnelServerPhase.run!(initContext(host), run);
    const first = podOf(host).certificates;
    const key = host.files[`${paths.pki}/konnectivity-server.key`];
    expect(await renewTunnelServer(host)).toBe(true);
    const second = podOf(host).certificates;
    expect(second).not.toBe(first);
    expect(host.files[`${paths.pki}/konnectivity-server.key`]).not.toBe(key);
    const names = [...apiNames, '192.168.7.101'];
    host.put(`${paths.pki}/apiserver.crt`, createCertificate({ commonName: 'x', names, issuer: ca }).cert);
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(true);
    expect(podOf(host).certificates).not.toBe(second);
    expect(alternativeNames(new X509Certificate(host.files[serverCertificatePath]!))).toContain(
      '192.168.7.101',
    );
  });

  it('makes a kubeconfig anew that a power cut left short, wherever it was cut', async () => {
    const made = controlPlane();
    await tunnelServerPhase.run!(initContext(made), run);
    const whole = made.files[serverConfPath]!;
    for (let length = 0; length < whole.length - 1; length += 61) {
      const host = controlPlane({ ...made.files, [serverConfPath]: whole.slice(0, length) });
      const renewing =
        length % 2 === 0 ? renewTunnelServer(host) : tunnelServerPhase.run!(initContext(host), run);
      expect(await renewing, `cut after ${length}`).toBe(true);
      const { certificate } = await pairOf(host.files[serverConfPath]!);
      expect(new X509Certificate(certificate).verify(ca.publicKey)).toBe(true);
    }
  });

  it('is told which API server it asks by a file that names one, and none is made up', async () => {
    const manager = `${paths.kubernetes}/controller-manager.conf`;
    const cut = controlPlane({ [manager]: 'clusters:\n- clus' });
    await tunnelServerPhase.run!(initContext(cut), run);
    expect(cut.files[serverConfPath]).toContain('server: https://192.168.7.100:6443\n');
    const none = controlPlane({ [manager]: '', [paths.adminConf]: '' });
    await expect(tunnelServerPhase.run!(initContext(none), run)).rejects.toMatchObject({
      code: 'E_PHASE_STATE',
      message: expect.stringContaining(manager),
    });
  });

  it('is not there to renew on other hosts', async () => {
    expect(await renewTunnelServer(controlPlane())).toBe(false);
  });

  it.each([
    ['', 'without a tunnel'],
    ['/mine.yaml', 'with a selector of its own'],
  ])('is left out beside an API server %s %s', async (egress) => {
    const host = controlPlane({ egress });
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(false);
    expect(host.files[tunnelServerManifest]).toBeUndefined();
  });

  it("takes certificates that an external CA's owner put there, and says which it lacks", async () => {
    const made = controlPlane();
    await tunnelServerPhase.run!(initContext(made), run);
    const pairs = [serverCertificatePath, `${paths.pki}/konnectivity-server.key`, serverConfPath];
    const given = Object.fromEntries(pairs.map((path) => [path, made.files[path]!]));
    const external = controlPlane(given);
    await external.remove(`${paths.pki}/ca.key`);
    await tunnelServerPhase.run!(initContext(external), run);
    expect(external.files[serverCertificatePath]).toBe(given[serverCertificatePath]);
    await external.remove(serverConfPath);
    await expect(tunnelServerPhase.run!(initContext(external), run)).rejects.toMatchObject({
      code: 'E_PHASE_STATE',
      hint: expect.stringContaining(serverConfPath),
    });
  });

  it('is not tried on a host without a control plane', async () => {
    expect(await tunnelServerPhase.requires!(initContext(new FakeHost()))).toMatchObject({
      reason: expect.stringContaining('kube-apiserver.yaml'),
    });
  });
});
