import { describe, expect, it } from 'vitest';
import { withPackageVersion } from '../../../src/config/init.ts';
import { field, kubelet, resolve } from './init-support.ts';
import { errorOf } from './support.ts';

describe('the Kubernetes version', () => {
  it('is the one of the package when it was left open', () => {
    const settings = resolve({}, { packageVersion: 'v1.35.4' });
    expect(settings.kubernetesVersion).toBe('v1.35.4');
    expect(field(settings, 'ClusterConfiguration', 'kubernetesVersion')).toBe('v1.35.4');
  });

  it('can be settled later, when the package was opened', () => {
    const settings = resolve({ kubernetesVersion: 'stable-1.36' });
    expect(settings.kubernetesVersion).toBeUndefined();
    const later = withPackageVersion(settings, 'v1.36.3');
    expect(later.kubernetesVersion).toBe('v1.36.3');
    expect(field(later, 'ClusterConfiguration', 'kubernetesVersion')).toBe('v1.36.3');
    expect(field(settings, 'ClusterConfiguration', 'kubernetesVersion')).toBe('stable-1.36');
    expect(errorOf(() => withPackageVersion(settings, 'v1.35.4')).code).toBe('E_PACKAGE_MISMATCH');
  });

  it('decides which fields there are', () => {
    const text = `${kubelet}tlsCurvePreferences: [29]\n`;
    expect(() => resolve({}, { text, packageVersion: 'v1.36.3' })).not.toThrow();
    const error = errorOf(() => resolve({}, { text, packageVersion: 'v1.35.4' }));
    expect(error).toMatchObject({
      code: 'E_CONFIG_FIELD',
      message: 'cluster.yaml: KubeletConfiguration tlsCurvePreferences: does not exist',
    });
    expect(() =>
      resolve({ featureGates: 'ControlPlaneKubeletLocalMode=true' }, { packageVersion: 'v1.35.4' }),
    ).not.toThrow();
    expect(
      errorOf(() =>
        resolve({ featureGates: 'ControlPlaneKubeletLocalMode=true' }, { packageVersion: 'v1.36.3' }),
      ).message,
    ).toBe('--feature-gates: is not a feature gate of kubeadm 1.36');
  });

  it('checks the fields again when it is settled later', () => {
    const settings = resolve({}, { text: `${kubelet}tlsCurvePreferences: [29]\n` });
    expect(() => withPackageVersion(settings, 'v1.36.3')).not.toThrow();
    expect(errorOf(() => withPackageVersion(settings, 'v1.34.4')).message).toBe(
      'KubeletConfiguration tlsCurvePreferences: does not exist',
    );
    const gates = resolve(
      { featureGates: 'WaitForAllControlPlaneComponents=true' },
      { packageVersion: 'v1.34.4' },
    );
    expect(gates.kubernetesVersion).toBe('v1.34.4');
  });

  it('of another package is refused', () => {
    const error = errorOf(() => resolve({ kubernetesVersion: 'v1.34.4' }, { packageVersion: 'v1.36.3' }));
    expect(error).toMatchObject({
      code: 'E_PACKAGE_MISMATCH',
      message: 'the install package holds Kubernetes v1.36.3, not v1.34.4',
    });
  });
});
