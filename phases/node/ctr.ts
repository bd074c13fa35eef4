import { paths } from '../../src/host/paths.ts';

/** Where ctr finds containerd, and the namespace of Kubernetes' images and containers. */
export const ctr = ['--address', paths.containerdSocket, '--namespace', 'k8s.io'] as const;
