// What the routes are made with: the services they use, and reading what callers send.
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import type { FailureCode } from '../base/failure-codes.ts';
import type { Sessions } from '../log/sessions.ts';
import type { Authority } from './authority.ts';
import type { BundleWatch } from './bundle-watch.ts';
import type { Core } from './core.ts';
import type { Call } from './http-server.ts';
import type { NameWatch } from './name-watch.ts';
import type { OpenSessionsStore } from './open-sessions.ts';
import type { PartWatch } from './part-watch.ts';
import type { Prober } from './prober.ts';
import type { Reconciler } from './reconcile.ts';
import type { Workers } from './workers.ts';

export type Services = {
  readonly core: Core;
  readonly authority: Authority;
  readonly workers: Workers;
  readonly reconciler: Reconciler;
  readonly prober: Prober;
  readonly parts: PartWatch;
  readonly nameWatch: NameWatch;
  readonly bundleWatch: BundleWatch;
  readonly sessions: Sessions;
  readonly open: OpenSessionsStore;
};

export const MiB: number = 1024 * 1024;

/** @throws Failure `code`, with the field as its place */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown, code: FailureCode = 'bad-request'): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure(code, issue?.message ?? 'malformed', { place: issue?.path.join('.') || 'body' });
}

/** Who calls, as entries name them. */
export const person = (call: Call): string => `user:${call.caller?.name}`;

/** A number of the query. @throws Failure `bad-request` */
export function number(call: Call, name: string, fallback: number, min: number, max: number): number {
  const text = call.query.get(name);
  if (text === null) return fallback;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new Failure('bad-request', `${name} must be a number from ${min} to ${max}`);
  return value;
}

/** Waits with a signal that also ends after some seconds. */
export async function patient<T>(
  signal: AbortSignal,
  seconds: number,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), seconds * 1000);
  try {
    return await wait(AbortSignal.any([signal, stop.signal]));
  } finally {
    clearTimeout(timer);
  }
}
