import { execa } from 'execa';
import { expect, test } from 'vitest';
import { cloudAddresses, cutRules, isCut } from '../../../phases/drill/cut.ts';
import { FakeNode } from './node.ts';

test('the addresses of API servers are cut off, by name too, and never those of the node', async () => {
  const find = async (name: string) => (name === 'api.example' ? ['192.0.2.7', '2001:db8::7'] : []);
  const servers = ['https://192.0.2.1:6443', 'https://[2001:db8::1]:6443', 'https://api.example:6443'];
  expect(await cloudAddresses(servers, { find })).toEqual([
    ...['192.0.2.1', '2001:db8::1', '192.0.2.7', '2001:db8::7'],
  ]);
  for (const own of ['https://127.0.0.1:6443', 'https://10.0.0.5:6443']) {
    await expect(cloudAddresses([own], { own: ['10.0.0.5'] })).rejects.toMatchObject({ code: 'E_EDGE_NODE' });
  }
  const lost = async () => {
    throw new Error('ENOTFOUND');
  };
  await expect(cloudAddresses(['https://api.example'], { find: lost })).rejects.toMatchObject({
    code: 'E_EDGE_NODE',
    message: expect.stringContaining('ENOTFOUND'),
  });
});

test('a cut whose addresses have timed out is none', async () => {
  const node = new FakeNode();
  node.load(cutRules(['192.0.2.1', '2001:db8::1'], 30));
  expect(await isCut(node, ['192.0.2.1', '2001:db8::1'])).toBe(true);
  await node.pause(31_000);
  expect(await isCut(node, ['192.0.2.1'])).toBe(false);
});

test('the kernel takes the rules, loses packets, and forgets the addresses by itself', async () => {
  // In a network of its own. Where nobody listens a connection is refused at once; a lost one hangs.
  const script = `ip link set lo up; ip address add 192.0.2.1/32 dev lo
    look() { timeout 1 bash -c '>/dev/tcp/192.0.2.1/9' 2>/dev/null; [ $? = 124 ] && echo lost || echo answered; }
    look; nft -f - && look
    for try in 1 2 3 4 5 6 7 8 9 10; do [ $(look) = answered ] && echo answered again && break; done
    nft list table inet edgeadm_drill`;
  const { stdout } = await execa('unshare', ['--net', 'sh', '-c', script], {
    input: cutRules(['192.0.2.1', '2001:db8::1'], 3),
  });
  expect(stdout.split('\n').slice(0, 3)).toEqual(['answered', 'lost', 'answered again']);
  expect(stdout).not.toContain('elements');
}, 30_000);
