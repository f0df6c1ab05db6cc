// Steps into decoded values that never throw, whatever stands there.
import { fold, isMapField } from './folding.ts';
import type { JsonObject, JsonValue } from './types.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The field of that name, as written or, where no such key is, in another letter case: servers before Kubernetes 1.11
 * took `Spec` for `spec`, and to later ones such a field means nothing. An object with both is never decoded.
 */
export function field(value: unknown, name: string): JsonValue | undefined {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const known = anyWide ? wide.get(value) : undefined;
  if (known) {
    const key = known.get(fold(name));
    return key === undefined ? undefined : value[key];
  }
  const { length } = name;
  let count = 0;
  for (const key in value) {
    if (key.length === length && mayFold(key, name) && fold(key) === fold(name)) return value[key];
    count++;
  }
  if (count > wideFrom) keepKeys(value);
  return undefined;
}

/** Keys by what they fold to, of objects with so many that going through them for each field that is not there costs too much. */
const wide = new WeakMap<object, ReadonlyMap<string, string>>();
const wideFrom = 256;
let anyWide = false;

function keepKeys(value: JsonObject): void {
  anyWide = true;
  // Of keys that fold onto each other the first is found, as without the map.
  const keys = new Map<string, string>();
  for (const key in value) {
    const folded = fold(key);
    if (!keys.has(folded)) keys.set(folded, key);
  }
  wide.set(value, keys);
}

/** False for nearly all that do not fold onto each other, of equal length and not empty: by their first characters. */
function mayFold(one: string, other: string): boolean {
  const [a, b] = [one.charCodeAt(0), other.charCodeAt(0)];
  return (a | 0x20) === (b | 0x20) || a > 0x7f || b > 0x7f;
}

/** The key exactly as written: for maps whose keys are the caller's. */
export function entry(value: unknown, name: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** A list's items, or an object's values: a sketch of a patch may not know which it is. */
export function each(value: unknown): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

/** Whether a step below this field names a key of the caller's (labels, data) or a field of the API's. */
export function isCallersMap(name: string | undefined): boolean {
  return name !== undefined && isMapField(name);
}

/** Sets an own property whatever its name: plain assignment of `__proto__` would set the prototype. */
export function setOwn(object: { [name: string]: JsonValue }, name: string, value: JsonValue): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
