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
  const wanted = fold(name);
  for (const key in value) {
    if (key.length === name.length && fold(key) === wanted) return value[key];
  }
  return undefined;
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
