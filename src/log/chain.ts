// The hash chain of the log: how an entry is made from the one before, and how a sequence of entries is checked.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { Entry, type NewEntry } from '../model/entry.ts';

/** The last entry's place and hash; seq 0 and 64 zeros for an empty log. */
export type Head = { readonly seq: number; readonly hash: string };

export const emptyHead: Head = { seq: 0, hash: '0'.repeat(64) };

/** The answer of a check: clean, or the first entry that is wrong and why. */
export type Verification =
  | { readonly ok: true; readonly entries: number; readonly head: Head }
  | { readonly ok: false; readonly seq: number; readonly why: string };

/** Chains one entry. `data` comes back as it will be read, without undefined members. */
export function link(head: Head, entry: NewEntry, now: number): Entry {
  const unhashed = {
    kind: entry.kind,
    actor: entry.actor,
    subject: entry.subject,
    data: JSON.parse(canonicalJson(entry.data)) as NewEntry['data'],
    seq: head.seq + 1,
    at: timestamp(now),
    prev: head.hash,
  };
  return { ...unhashed, hash: sha256(canonicalJson(unhashed)) };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Checks entries one by one in the order of the log. */
export type Verifier = {
  /** False when the entry is wrong: the verdict is final and says why. */
  take(entry: unknown): boolean;
  /** The verdict on everything taken. `anchors` are heads seen earlier, which the log must still hold. */
  verdict(): Verification;
};

/**
 * A check of form, order, links and hashes, and that the log still holds each anchor: a log whose tail was cut off is
 * consistent in itself, and only a head that was kept elsewhere shows it.
 */
export function createVerifier(anchors: readonly Head[] = []): Verifier {
  let head = emptyHead;
  let wrong: Verification | undefined;
  const fail = (seq: number, why: string) => {
    wrong = { ok: false, seq, why };
    return false;
  };
  return {
    take(value) {
      if (wrong) return false;
      const parsed = Entry.safeParse(value);
      const seq = head.seq + 1;
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return fail(seq, `the entry is malformed: ${issue?.path.join('.')}: ${issue?.message}`);
      }
      // What is stored is hashed, not the parser's copy, which lacks members named `__proto__`.
      const { hash, ...unhashed } = value as Entry;
      if (parsed.data.seq !== seq)
        return fail(seq, `entry ${seq} is missing: the next one is ${parsed.data.seq}`);
      if (parsed.data.prev !== head.hash) return fail(seq, 'it does not follow the entry before it');
      if (sha256(canonicalJson(unhashed)) !== hash) return fail(seq, 'its contents do not match its hash');
      head = { seq, hash };
      const anchor = anchors.find((item) => item.seq === seq);
      if (anchor && anchor.hash !== hash) return fail(seq, 'it is not the entry that the anchor names');
      return true;
    },
    verdict() {
      if (wrong) return wrong;
      const missing = anchors.find((item) => item.seq > head.seq);
      if (missing) {
        return {
          ok: false,
          seq: head.seq + 1,
          why: `the log ends at entry ${head.seq}, and the anchor names entry ${missing.seq}: its end was cut off`,
        };
      }
      return { ok: true, entries: head.seq, head };
    },
  };
}

/** `seq:hash`, as `log verify` prints and takes it. @throws Failure `bad-anchor` */
export function parseAnchor(text: string): Head {
  const match = /^([0-9]{1,15}):([0-9a-f]{64})$/.exec(text.trim());
  if (!match) throw new Failure('bad-anchor', `'${text}' is not an anchor: a number, ':' and 64 hex digits`);
  return { seq: Number(match[1]), hash: match[2] ?? '' };
}

export function formatAnchor(head: Head): string {
  return `${head.seq}:${head.hash}`;
}
