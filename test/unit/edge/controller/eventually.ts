import { vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

/** Waits until a check passes; far longer than it takes, since machines that run tests are busy. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });
