/** Opens a host and runs a command through it until it is killed. Arguments: root, program, arguments. */
import { openHost } from '../../../../src/host/open.ts';

const [root = '', file = 'true', ...args] = process.argv.slice(2);
try {
  const host = await openHost({ emit: () => {}, command: `edgeadm test in ${root}`, root });
  process.stdout.write('open\n');
  await host.writeFile('/etc/worker', 'x');
  await host.run({ file, args }, { key: 'work', summary: 'work' });
  process.stdout.write('done\n');
  await host.close();
} catch (error) {
  const { code, message } = error as Error & { code: string };
  process.stdout.write(`${code} ${message}\n`);
}
