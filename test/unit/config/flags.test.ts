import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../../src/config/edge-configuration.ts';
import { globalFlags } from '../../../src/config/flags/common.ts';
import { compareFlags, parseHelp } from '../../../src/config/flags/compare.ts';
import { initFlags, initPhaseFlags } from '../../../src/config/flags/init.ts';
import { joinFlags } from '../../../src/config/flags/join.ts';
import { resetFlags } from '../../../src/config/flags/reset.ts';
import { camelCase, type FlagSpec } from '../../../src/config/flags/spec.ts';
import { tokenCreateFlags } from '../../../src/config/flags/token.ts';
import { parseFlagValue, refuseMixedFlags } from '../../../src/config/flags/values.ts';
import { documentSchemas, schemaMinors } from '../../../src/config/schema/minors.ts';
import { errorOf } from './support.ts';

const tables = { init: initFlags, join: joinFlags, reset: resetFlags } as const;
const help = (minor: string, command: string) =>
  readFile(join(import.meta.dirname, `fixtures/help/kubeadm-${minor}-${command}.txt`), 'utf8');

describe('flag tables', () => {
  for (const minor of schemaMinors) {
    for (const [command, table] of Object.entries(tables)) {
      it(`has every flag of kubeadm ${minor} ${command}`, async () => {
        const differences = compareFlags(await help(minor, command), [...table, ...globalFlags]);
        expect(differences).toEqual({ missing: [], extra: [], changed: [] });
      });
    }
  }

  it('notices a flag that a kubeadm adds, drops or changes', async () => {
    const text = (await help('1.36', 'reset'))
      .replace('--force  ', '--fierce ')
      .replace('--cert-dir string ', '--cert-dir strings')
      .replace('"/etc/kubernetes/admin.conf"', '"/root/.kube/config"');
    expect(compareFlags(text, [...resetFlags, ...globalFlags])).toEqual({
      missing: ['fierce'],
      extra: ['force'],
      changed: [
        '--cert-dir takes strings, not string',
        '--kubeconfig is /root/.kube/config by default, not /etc/kubernetes/admin.conf',
      ],
    });
  });

  it('reads short forms, types and defaults of a help text', async () => {
    const flags = parseHelp(await help('1.36', 'reset'));
    expect(flags).toContainEqual({ name: 'force', short: 'f', type: 'bool' });
    expect(flags).toContainEqual({ name: 'v', short: 'v', type: 'Level' });
    expect(flags).toContainEqual({ name: 'cert-dir', type: 'string', default: '/etc/kubernetes/pki' });
    expect(flags.map(({ name }) => name)).not.toContain('help');
  });

  it('names each flag once and describes it', () => {
    for (const table of [initPhaseFlags, joinFlags, resetFlags, tokenCreateFlags]) {
      const names = table.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const { description } of table) expect(description).not.toBe('');
    }
  });

  it('points at fields that exist in every minor', () => {
    for (const minor of schemaMinors) {
      const schemas: Record<string, unknown> = { ...documentSchemas(minor), EdgeConfiguration: edgeSchema };
      for (const { name, target } of [...initPhaseFlags, ...joinFlags, ...resetFlags]) {
        if (!target) continue;
        const field = target.path
          .split('.')
          .reduce(
            (shape: unknown, part) => (shape as Record<string, unknown> | undefined)?.[part],
            schemas[target.kind],
          );
        expect(field, `--${name} in ${minor}`).toBeDefined();
      }
    }
  });

  it('marks what proves identity as secret', () => {
    for (const { name, secret } of [...initFlags, ...joinFlags, ...tokenCreateFlags]) {
      const expected = /^(.*-)?token$|^certificate-key$/.test(name);
      expect(secret === true, name).toBe(expected);
    }
  });

  it.each(['init', 'join', 'reset'] as const)(
    'lets the same flags of %s stand beside --config as kubeadm',
    (command) => {
      // The list in ValidateMixedArguments, cmd/kubeadm/app/apis/kubeadm/validation/validation.go.
      const allowed = [
        'config',
        'ignore-preflight-errors',
        'dry-run',
        'kubeconfig',
        'node-name',
        'upload-certs',
      ];
      for (const { name, group, withConfig } of tables[command]) {
        if (group === 'edgeadm') expect(withConfig, name).toBe(true);
        else expect(withConfig, name).toBe(allowed.includes(name) || name.startsWith('skip-'));
      }
    },
  );
});

describe('flag values', () => {
  const flag = (name: string): FlagSpec =>
    [...initPhaseFlags, ...joinFlags].find((spec) => spec.name === name)!;

  it.each([
    ['apiserver-bind-port', '6444', 6444],
    ['apiserver-bind-port', 6444, 6444],
    ['enable-edge', 'false', false],
    ['enable-edge', true, true],
    ['enable-edge', 'T', true],
    ['skip-phases', 'addon,preflight', ['addon', 'preflight']],
    ['skip-phases', ['addon', 'preflight,certs'], ['addon', 'preflight', 'certs']],
    ['skip-phases', '', []],
    ['token-ttl', '1h30m', '1h30m'],
    ['token-ttl', 0, '0'],
    [
      'feature-gates',
      'A=true,B=false',
      [
        ['A', 'true'],
        ['B', 'false'],
      ],
    ],
    ['apiserver-extra-args', 'a=b=c', [['a', 'b=c']]],
    ['node-name', 7, '7'],
  ])('--%s %j is %j', (name, raw, expected) => {
    expect(parseFlagValue(flag(name), raw)).toEqual(expected);
  });

  it.each([
    ['apiserver-bind-port', '64x', 'not a whole number'],
    ['enable-edge', 'maybe', 'not true or false'],
    ['token-ttl', '1 day', 'not a duration'],
    ['feature-gates', 'A', 'not name=value'],
    ['node-name', true, 'not a text'],
  ])('--%s %j is refused', (name, raw, reason) => {
    const error = errorOf(() => parseFlagValue(flag(name), raw));
    expect(error).toMatchObject({ code: 'E_USAGE', message: expect.stringContaining(`--${name}`) });
    expect(error.message).toContain(reason);
    expect(error.hint).toBeTruthy();
  });

  it('keeps a secret out of the message', () => {
    expect(errorOf(() => parseFlagValue(flag('token'), { secret: 'abc' })).message).toBe(
      '--token: its value is not a text',
    );
  });

  it('refuses flags beside --config in the words of kubeadm', () => {
    const flags = {
      podNetworkCidr: '10.0.0.0/16',
      token: 'x',
      uploadCerts: true,
      skipPhases: ['addon'],
      enableEdge: false,
    };
    const error = errorOf(() => refuseMixedFlags(initFlags, flags));
    expect(error).toMatchObject({
      code: 'E_USAGE',
      message: "can not mix '--config' with arguments [--pod-network-cidr --token]",
    });
    expect(error.details).toContain('--pod-network-cidr: ClusterConfiguration networking.podSubnet');
  });

  it('makes option names as commander does', () => {
    expect(camelCase('discovery-token-unsafe-skip-ca-verification')).toBe(
      'discoveryTokenUnsafeSkipCaVerification',
    );
  });
});
