import { paths } from '../../../host/paths.ts';

/** The last time that the API server confirmed, for the next boot. */
export const clockFile = `${paths.liteApiserver}/clock.json`;

/** Content of the file. */
export function renderConfirmed(ms: number): string {
  return `${JSON.stringify({ confirmedAt: new Date(ms).toISOString() })}\n`;
}

/** Milliseconds since 1970; undefined when there is no such time. */
export function parseConfirmed(text: string | undefined): number | undefined {
  try {
    const { confirmedAt } = JSON.parse(text ?? '') as { confirmedAt?: unknown };
    const ms = typeof confirmedAt === 'string' ? Date.parse(confirmedAt) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  } catch {
    return undefined;
  }
}
