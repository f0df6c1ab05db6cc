// Servers older than Kubernetes 1.11 took `Spec` for `spec`: Go's JSON readers of the time ignored the case of names.

/**
 * Maps of the caller's own names, which no server folds: there `Readme` and `README` are two names. Field names, from
 * the Kubernetes API's types.
 */
const mapFields: ReadonlySet<string> = new Set([
  'allocatable',
  'annotations',
  'attributes',
  'binaryData',
  'capacity',
  'data',
  'extra',
  'labels',
  'limits',
  'matchLabels',
  'nodeSelector',
  'options',
  'parameters',
  'properties',
  'requests',
  'stringData',
  'volumeAttributes',
]);

/** Are the keys of the object in this field names of the caller's choice? */
export function isMapField(name: string): boolean {
  return mapFields.has(name);
}

/** Characters that some Go reader takes for an ASCII lower-case letter: capitals, long s, the Kelvin sign, dotted I. */
const folding = /[A-Z\u0130\u017f\u212a]/;

/** No field of the API has a dot, slash or colon in its name, as labels and managed fields have. */
const fieldName = /^[a-z0-9$_-]*$/;

export function fold(name: string): string {
  if (!folding.test(name)) return name;
  return name
    .replaceAll('\u0130', 'i')
    .replaceAll('\u017f', 's')
    .replaceAll('\u212a', 'k')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Do two of the keys fold onto each other, and could they name a field? */
export function foldedTwins(keys: readonly string[]): boolean {
  const count = keys.length;
  if (count < 2) return false;
  if (count > 10) {
    const seen = new Set<string>();
    for (const key of keys) {
      const folded = fold(key);
      if (seen.has(folded) && fieldName.test(folded)) return true;
      seen.add(folded);
    }
    return false;
  }
  // Folding keeps the length, and few keys of one object share it: cheaper than a set.
  for (let i = 1; i < count; i++) {
    const key = keys[i] as string;
    for (let j = 0; j < i; j++) {
      const other = keys[j] as string;
      if (other.length === key.length && fold(other) === fold(key)) {
        if (fieldName.test(fold(key))) return true;
      }
    }
  }
  return false;
}
