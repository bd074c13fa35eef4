/** Resolves when `start`'s callback is called or the signal is aborted. */
export function until(
  signal: AbortSignal,
  start: (go: () => void) => unknown,
  stop?: (go: () => void) => unknown,
): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      signal.removeEventListener('abort', go);
      stop?.(go);
      resolve();
    };
    signal.addEventListener('abort', go, { once: true });
    if (signal.aborted) go();
    else start(go);
  });
}
