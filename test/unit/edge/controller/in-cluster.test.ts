import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInCluster } from '../../../../src/kube/in-cluster.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'account-'));
  await writeFile(join(directory, 'ca.crt'), 'ca');
  await writeFile(join(directory, 'token'), 'one\n');
});

afterEach(() => rm(directory, { recursive: true }));

const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

describe('the connection of a pod', () => {
  it('follows the token as it is renewed', async () => {
    const connection = await readInCluster({ directory, env });
    expect(connection.server.href).toBe('https://10.96.0.1/');
    expect(connection.tls.ca).toBe('ca');
    expect(await connection.headers()).toEqual({ authorization: 'Bearer one' });
    await writeFile(join(directory, 'token'), 'two');
    expect(await connection.headers()).toEqual({ authorization: 'Bearer two' });
  });

  it('may be by IPv6', async () => {
    const connection = await readInCluster({
      directory,
      env: { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
    });
    expect(connection.server.host).toBe('[fd00::1]:6443');
  });

  it('is refused outside of a pod, and without a token', async () => {
    await expect(readInCluster({ directory, env: {} })).rejects.toMatchObject({
      code: 'E_KUBE_API',
      hint: expect.stringContaining('--kubeconfig'),
    });
    await rm(join(directory, 'token'));
    await expect(readInCluster({ directory, env })).rejects.toMatchObject({
      code: 'E_KUBE_API',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
