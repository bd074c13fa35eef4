import { describe, expect, it } from 'vitest';
import { toleratesSwap, turnSwapOff } from '../../../phases/node/swap.ts';
import { FakeHost } from '../../fakes/host.ts';

const swaps =
  'Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1000 0 -2\n/swapfile file 1000 0 -3\n';
const fstab =
  'UUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n# /dev/x none swap sw 0 0\n/srv/swap /mnt ext4 defaults 0 2\n';

describe('swap', () => {
  it('is turned off for now and for later', async () => {
    const host = new FakeHost({ files: { '/proc/swaps': swaps, '/etc/fstab': fstab } });
    expect(await turnSwapOff(host)).toBe(true);
    expect(host.lines).toEqual(['swapoff -a']);
    expect(host.files['/etc/fstab']).toBe(fstab.replace('UUID=2', '# off for Kubernetes (edgeadm): UUID=2'));
    host.put('/proc/swaps', swaps.split('\n', 1)[0]!);
    expect(await turnSwapOff(host)).toBe(false);
  });

  it('that the kernel keeps is an error that names it and what to do', async () => {
    const host = new FakeHost({ files: { '/proc/swaps': swaps } });
    host.reply('swapoff -a', { exitCode: 255, stderr: 'swapoff: /dev/sda2: Cannot allocate memory\n' });
    await expect(turnSwapOff(host)).rejects.toMatchObject({
      code: 'E_PHASE_STATE',
      message: expect.stringMatching(/^swap \(\/dev\/sda2, \/swapfile\) cannot be turned off: /),
      hint: expect.stringContaining('failSwapOn: false'),
    });
  });

  it('is left alone when the kubelet is told to run with it', () => {
    const kubelet = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
    expect(toleratesSwap({ documents: [{ ...kubelet, failSwapOn: false }] })).toBe(true);
    expect(toleratesSwap({ documents: [kubelet] })).toBe(false);
    expect(toleratesSwap({ documents: [] })).toBe(false);
  });
});
