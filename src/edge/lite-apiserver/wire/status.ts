import type { Response } from '../http1/response.ts';
import { headerList } from '../request/headers.ts';
import type { WatchEvent } from './object.ts';

/** Reasons of metav1.Status that the proxy answers with itself. */
const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  503: 'ServiceUnavailable',
};

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Failure';
  message: string;
  reason: string;
  code: number;
  details?: { retryAfterSeconds: number };
}

/** A metav1.Status; with `retryAfterSeconds` in the form that client-go waits for and tries again. */
export function status(code: number, message: string, retryAfterSeconds?: number): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasons[code] ?? 'InternalError',
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
    code,
  };
}

/** Answers with a Status, or cuts the connection when an answer has begun already. */
export function sendStatus(
  response: Response,
  code: number,
  message: string,
  options: { retryAfterSeconds?: number; close?: boolean } = {},
): void {
  if (response.destroyed || response.ended) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(`${JSON.stringify(status(code, message, options.retryAfterSeconds))}\n`);
  const headers = headerList({
    'content-type': 'application/json',
    'content-length': String(body.length),
    'cache-control': 'no-cache, private',
    ...(options.retryAfterSeconds === undefined ? {} : { 'retry-after': String(options.retryAfterSeconds) }),
    ...(options.close ? { connection: 'close' } : {}),
    ...(code === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  });
  response.writeHead(code, headers);
  response.end(body);
}

/** The event that makes a reflector list again. */
export function expiredEvent(message: string): WatchEvent {
  return { type: 'ERROR', object: status(410, message) as unknown as WatchEvent['object'] };
}
