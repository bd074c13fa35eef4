import { expect, it } from 'vitest';
import { apiServerEndpoint, knownApiServerEndpoint } from '../../../phases/node/api-server.ts';
import { paths } from '../../../src/host/paths.ts';
import { FakeHost } from '../../fakes/host.ts';

const on = (text?: string) => ({
  host: new FakeHost({ files: text === undefined ? {} : { [paths.adminConf]: text } }),
});

it('is what kubeadm wrote for the administrator', async () => {
  const there = on('clusters:\n- cluster:\n    server: https://10.0.0.1:6443\n');
  expect(await apiServerEndpoint(there)).toBe('10.0.0.1:6443');
  expect(await knownApiServerEndpoint(there)).toBe('10.0.0.1:6443');
});

it('is unknown before that, which is an error only where it is needed', async () => {
  expect(await apiServerEndpoint(on())).toBeUndefined();
  await expect(knownApiServerEndpoint(on())).rejects.toMatchObject({
    code: 'E_PHASE_STATE',
    message: `${paths.adminConf} is not there`,
  });
});

it('is never guessed from a broken file, which is named', async () => {
  for (const read of [apiServerEndpoint, knownApiServerEndpoint]) {
    await expect(read(on('clusters:\n'))).rejects.toMatchObject({
      code: 'E_KUBE_API',
      message: expect.stringContaining(paths.adminConf),
    });
  }
});
