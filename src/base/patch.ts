// What differs between two JSON values, and the way from one to the other. Values that share parts are compared by those
// parts' identity first, so that finding one change among a hundred thousand elements costs about what walking past them does.
//
// A member that is undefined counts as absent, as in JSON.

/** The way to a value from the one before it. */
export type Patch =
  /** It is this. */
  | { readonly value: unknown }
  /** Members that are others; null: gone. */
  | { readonly members: Readonly<Record<string, Patch | null>> }
  /** From front to back, and everything that is left over is kept. */
  | { readonly list: readonly Step[] };

export type Step =
  | { readonly keep: number }
  | { readonly drop: number }
  | { readonly add: readonly unknown[] }
  /** One element. */
  | { readonly edit: Patch };

/** Elements gone and come between which two lists are looked at for where they go on alike. */
const maxApart = 128;

/** Undefined when there is no difference. */
export function diff(former: unknown, next: unknown): Patch | undefined {
  if (former === next) return undefined;
  if (Array.isArray(former) && Array.isArray(next)) return listDiff(former, next);
  if (isRecord(former) && isRecord(next)) return memberDiff(former, next);
  return { value: next };
}

/** A value patched; `fresh` is less of it, but holds everything that the patch brought (see `abridged`). */
export type Patched = { readonly value: unknown; readonly fresh: unknown };

/**
 * Shares with `former` whatever the patch leaves alone, and changes nothing in place.
 * `fresh` is for checking the result against a schema whose lists are checked element by element, when `former` fits it:
 * of every list it has the elements that are new or other, or one where there are none.
 * @throws RangeError when the patch is of another value
 */
export function applyPatch(former: unknown, patch: Patch): Patched {
  if ('value' in patch) return { value: patch.value, fresh: patch.value };
  if ('members' in patch) {
    if (!isRecord(former)) throw new RangeError('a patch of members meets no object');
    return patchMembers(former, patch.members);
  }
  if (!Array.isArray(former)) throw new RangeError('a patch of a list meets no list');
  return patchList(former, patch.list);
}

function memberDiff(former: Members, next: Members): Patch | undefined {
  const members: [string, Patch | null][] = [];
  for (const [name, value] of Object.entries(next)) {
    if (value === undefined) continue;
    const before = former[name];
    const change = before === undefined ? { value } : diff(before, value);
    if (change) members.push([name, change]);
  }
  for (const [name, value] of Object.entries(former)) {
    if (value !== undefined && next[name] === undefined) members.push([name, null]);
  }
  return members.length === 0 ? undefined : { members: Object.fromEntries(members) };
}

function listDiff(former: readonly unknown[], next: readonly unknown[]): Patch | undefined {
  const steps: Step[] = [];
  let kept = 0;
  let i = 0;
  let j = 0;
  while (i < former.length || j < next.length) {
    if (i < former.length && j < next.length && equal(former[i], next[j])) {
      kept += 1;
      i += 1;
      j += 1;
      continue;
    }
    const { gone, come } = apart(former, i, next, j);
    if (kept > 0) steps.push({ keep: kept });
    kept = 0;
    // What stands in each other's place is mostly one thing that was edited.
    let edits = 0;
    for (; edits < Math.min(gone, come); edits += 1) {
      const [before, after] = [former[i + edits], next[j + edits]];
      if (!isRecord(before) || !isRecord(after)) break;
      const edit = diff(before, after);
      steps.push(edit ? { edit } : { keep: 1 });
    }
    if (gone > edits) steps.push({ drop: gone - edits });
    if (come > edits) steps.push({ add: next.slice(j + edits, j + come) });
    i += gone;
    j += come;
  }
  return steps.length === 0 ? undefined : { list: steps };
}

/** The fewest elements gone and come after which two lists go on alike. With many of them: all but what ends alike. */
function apart(
  former: readonly unknown[],
  i: number,
  next: readonly unknown[],
  j: number,
): { readonly gone: number; readonly come: number } {
  const left = former.length - i;
  const right = next.length - j;
  for (let total = 1; total <= maxApart; total += 1) {
    for (let gone = Math.max(0, total - right); gone <= Math.min(left, total); gone += 1) {
      const come = total - gone;
      if (gone === left && come === right) return { gone, come };
      if (gone < left && come < right && equal(former[i + gone], next[j + come])) return { gone, come };
    }
  }
  let alike = 0;
  while (alike < Math.min(left, right) && equal(former.at(-1 - alike), next.at(-1 - alike))) alike += 1;
  return { gone: left - alike, come: right - alike };
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, at) => equal(each, b[at]));
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const name in a) if (!equal(a[name], b[name])) return false;
  for (const name in b) if (a[name] === undefined && b[name] !== undefined) return false;
  return true;
}

function patchMembers(former: Members, members: Readonly<Record<string, Patch | null>>): Patched {
  const value = new Map<string, unknown>();
  const fresh = new Map<string, unknown>();
  for (const [name, before] of Object.entries(former)) {
    if (before === undefined || Object.hasOwn(members, name)) continue;
    value.set(name, before);
    fresh.set(name, abridged(before));
  }
  for (const [name, change] of Object.entries(members)) {
    if (change === null) continue;
    const before = Object.hasOwn(former, name) ? former[name] : undefined;
    const patched = applyPatch(before, change);
    value.set(name, patched.value);
    fresh.set(name, patched.fresh);
  }
  return { value: Object.fromEntries(value), fresh: Object.fromEntries(fresh) };
}

function patchList(former: readonly unknown[], steps: readonly Step[]): Patched {
  // Slices and not elements one by one: most steps keep very many.
  const value: (readonly unknown[])[] = [];
  const fresh: unknown[] = [];
  let at = 0;
  const pass = (count: number): readonly unknown[] => {
    if (!(count > 0 && at + count <= former.length)) throw new RangeError('a patch meets a shorter list');
    at += count;
    return former.slice(at - count, at);
  };
  for (const step of steps) {
    if ('keep' in step) value.push(pass(step.keep));
    else if ('drop' in step) pass(step.drop);
    else if ('add' in step) {
      value.push(step.add);
      fresh.push(...step.add);
    } else {
      const [before] = pass(1);
      const patched = applyPatch(before, step.edit);
      value.push([patched.value]);
      fresh.push(patched.fresh);
    }
  }
  value.push(former.slice(at));
  const whole = value.flat();
  const [first] = whole;
  return { value: whole, fresh: fresh.length > 0 || whole.length === 0 ? fresh : [abridged(first)] };
}

/** A value with one element of each list that has any. */
function abridged(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(abridged);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, abridged(member)]));
}

type Members = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
