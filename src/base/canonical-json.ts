/**
 * JSON with sorted keys and no white space (RFC 8785 for the values that we store: strings, booleans, null,
 * arrays, objects and finite numbers), so that equal values have equal bytes and can be hashed and signed.
 * `undefined` members are left out, as JSON.stringify does. Throws TypeError on a value JSON can't hold.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('canonical JSON holds no NaN or Infinity');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object') {
    const known = texts.get(value);
    if (known !== undefined) return known;
    const text = objectText(value);
    if (isConstant(value)) texts.set(value, text);
    return text;
  }
  throw new TypeError(`canonical JSON holds no ${typeof value}`);
}

/**
 * Texts of constants. Plans hold the same hundred thousand entries of the address book, frozen, again and again; writing
 * them anew is most of what a plan costs.
 */
const texts = new WeakMap<object, string>();

/** Frozen, with members that can't change either. */
function isConstant(value: object): boolean {
  return (
    Object.isFrozen(value) &&
    Object.values(value).every(
      (member) =>
        typeof member !== 'object' ||
        (Array.isArray(member) &&
          Object.isFrozen(member) &&
          member.every((item) => typeof item === 'string')),
    )
  );
}

function objectText(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
