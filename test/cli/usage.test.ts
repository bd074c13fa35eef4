import { expect, test } from 'vitest';
import { run } from './harness.ts';

test.each([
  [['tokn'], 'unknown command "tokn" for "edgeadm"', 'Did you mean "token"?'],
  [['token', 'creat'], 'unknown command "creat" for "edgeadm token"', 'Did you mean "create"?'],
  [['config', 'images', 'lst'], 'unknown command "lst" for "edgeadm config images"', 'Did you mean "list"?'],
  [
    ['init', '--pod-network-cird', '10.0.0.0/8'],
    'unknown flag: --pod-network-cird',
    'Did you mean "--pod-network-cidr"?',
  ],
  [['init', '--pod-network=10.0.0.0/8'], 'unknown flag: --pod-network', 'Did you mean "--pod-network-cidr"?'],
  [['init', '--kubeconfig-dir=/x'], 'unknown flag: --kubeconfig-dir', 'edgeadm init --help'],
  [['reset', '-x'], 'unknown flag: -x', 'edgeadm reset --help'],
  [
    ['join', 'a:1', 'b:2'],
    '"edgeadm join" takes at most 1 argument; "b:2" is too many',
    'edgeadm join --help',
  ],
  [['init', 'now'], 'unknown command "now" for "edgeadm init"', 'edgeadm init --help'],
  [['version', 'now'], '"edgeadm version" takes no argument; "now" is too many', 'edgeadm version --help'],
  [['completion'], '"edgeadm completion" needs <shell>', 'bash, zsh, fish'],
  [['completion', 'tcsh'], 'no completion for the shell "tcsh"', 'bash, zsh, fish'],
  [['init', '--dry-run=maybe'], '"maybe" is not true or false', '--dry-run=false'],
  [['init', '--apiserver-bind-port', 'https'], '"https" is not a whole number', '6443'],
  [['init', '--config'], 'flag needs an argument: --config', '--config file'],
  [['init', '-v'], 'flag needs an argument: -v', '-v level'],
  [['init', '-o', 'xml'], 'invalid argument "xml" for "--output"', 'tree, plain, json'],
  [
    ['package', 'build', '--rootfs', '/host'],
    '"edgeadm package build" does not take --rootfs',
    'chroot /host edgeadm package build',
  ],
  [
    ['init', '--rootfs', '/nowhere'],
    '--rootfs: /nowhere is not the root of a running host',
    'mount --rbind / /nowhere',
  ],
])('%j is refused with its fix', async (argv, message, hint) => {
  const { code, stdout, stderr } = await run(argv);
  expect(code).toBe(3);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^ {2}hint: /m);
  expect(stderr).toContain(hint);
  expect(stderr).toContain('see docs/troubleshooting.md#E_USAGE');
});

test.each([
  [['init', 'phase', 'crts'], '"certs"'],
  [['init', 'phase', 'certs', 'apisrver'], '"certs/apiserver"'],
  [['init', 'phase', 'certs/apisrver'], '"certs/apiserver"'],
  [['reset', 'phase', 'cleanup-nod'], '"cleanup-node"'],
  [['init', '--skip-phases', 'addon/kube-prxy', '--token-ttl=1h'], '"addon/kube-proxy"'],
])('%j names an unknown phase', async (argv, suggestion) => {
  const { code, stderr } = await run(argv);
  expect(code).toBe(3);
  expect(stderr).toContain('see docs/troubleshooting.md#E_PHASE_UNKNOWN');
  expect(stderr).toContain(`Did you mean ${suggestion}?`);
});

test.each([
  [['init', 'phase', 'certs', 'ca', '--skip-phases=certs']],
  [['init', 'phase', 'certs/ca', '--skip-phases', 'cni,certs/ca']],
  [['join', 'phase', 'node-init', '--skip-phases', 'node-init']],
])('%j is both chosen and skipped', async (argv) => {
  const { code, stderr } = await run(argv);
  expect(code).toBe(3);
  expect(stderr).toContain('see docs/troubleshooting.md#E_PHASE_CONFLICT');
});

test.each(['init', 'join', 'reset'])('%s needs root, and says so before anything else', async (command) => {
  const { code, stdout, stderr } = await run([command], { uid: 1000 });
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`error: "edgeadm ${command}" must run as root; this is user 1000`);
  expect(stderr).toContain(`sudo edgeadm ${command}`);
});

test('a mistake is JSON where JSON was asked for', async () => {
  for (const json of [['-o', 'json'], ['-o=json'], ['-ojson'], ['--output=json'], ['--output', 'json']]) {
    const finished = await run(['init', '--foo', ...json]);
    expect(finished.code).toBe(3);
    expect(finished.stderr).toBe('');
    expect(finished.events()).toHaveLength(1);
    expect(finished.error()).toMatchObject({ code: 'E_USAGE', message: 'unknown flag: --foo', exitCode: 3 });
  }
});

test('a secret value is not repeated', async () => {
  const { stderr } = await run(['init', 'phase', 'nope', '--token', 'abcdef.0123456789abcdef']);
  expect(stderr).not.toContain('0123456789abcdef');
});
