// Enrolment tokens (one use, one role, one name, expiring; only their hash is kept) and the limit on trying them.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { EnrolRequest, TokenAnswer, TokenRequest } from '../model/api.ts';
import type { NewEntry } from '../model/entry.ts';
import type { State } from './state.ts';

/** A fresh token and the entry that makes it valid. */
export function makeToken(
  request: TokenRequest,
  pin: string,
  actor: string,
  now: number,
): { answer: TokenAnswer; entry: NewEntry } {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const expiresAt = timestamp(now + request.ttlSeconds * 1000);
  const { role, name } = request;
  return {
    answer: { token: `${id}.${secret}.${pin}`, expiresAt },
    entry: { kind: 'token', actor, subject: id, data: { digest: digest(secret), role, name, expiresAt } },
  };
}

/**
 * The id of the token when it is good for this role and name.
 * @throws Failure `token-refused`, the same for every reason, so that trying tells nothing
 */
export function checkToken(state: Readonly<State>, request: EnrolRequest, now: number): string {
  const [id = '', secret = ''] = request.token.split('.');
  const known = state.tokens.get(id);
  const equal = timingSafeEqual(
    Buffer.from(digest(secret), 'hex'),
    Buffer.from(known?.digest ?? '0'.repeat(64), 'hex'),
  );
  const good =
    equal && known?.role === request.role && known.name === request.name && now < Date.parse(known.expiresAt);
  if (!good) {
    throw new Failure(
      'token-refused',
      'the enrolment token is unknown, used, expired, or for somebody else',
      {
        hint: 'make a new one at the controller',
      },
    );
  }
  return id;
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export type Limiter = {
  /** Takes one; false when there is none left for this key. */
  take(key: string, count?: number): boolean;
};

/** Token buckets by key: `burst` at once, `perSecond` after that. At most 10,000 keys are kept, the newest. */
export function createLimiter(clock: Clock, burst: number, perSecond: number): Limiter {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key, count = 1) {
      const now = clock.mono();
      const bucket = buckets.get(key) ?? { left: burst, at: now };
      const left = Math.min(burst, bucket.left + ((now - bucket.at) / 1000) * perSecond);
      const ok = left >= count;
      buckets.delete(key);
      buckets.set(key, { left: ok ? left - count : left, at: now });
      for (const oldest of buckets.keys()) {
        if (buckets.size <= 10_000) break;
        buckets.delete(oldest);
      }
      return ok;
    },
  };
}
