// Paths into a body, for rules: `spec.volumes[*].gitRepo`, `metadata.annotations['a.b/c']`, `metadata.annotations.keys()`.
import { each, entry, field, isCallersMap, isObject } from './reach.ts';

/** Gives the values that stand there, in order; none where a step is missing or of another type. Never throws. */
export type BodyPath = (value: unknown) => readonly unknown[];

/** Why a path can't be compiled. */
export class PathError extends Error {}

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'begins'; readonly with: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'keys' };

const maxSteps = 64;
const steps =
  /\.?(?:(?<keys>keys\(\))|(?<all>\*)|(?<field>[A-Za-z_$][\w$-]*))|\[(?:(?<star>\*)|(?<index>\d{1,6})|(?:'(?<single>[^'\\]*)'|"(?<double>[^"\\]*)")(?<begins>\*)?)\]/y;

/**
 * `name` is a field of the API, in any letter case (reach.ts says why), below labels, annotations, data and the like a
 * key as written; `['name']` is a key as written, `['a.b/'*]` every key that begins so; `[3]` an item; `.*` and `[*]` are all items of a list or all values of
 * an object; `.keys()`, at the end, the keys of an object. Null stands for nothing, as for the API server.
 * @throws PathError
 */
export function compilePath(text: string): BodyPath {
  const path = parse(text);
  return (value) => {
    let now: unknown[] = [value];
    for (const step of path) {
      const next: unknown[] = [];
      for (const at of now) advance(at, step, next);
      if (next.length === 0) return next;
      now = next;
    }
    return now;
  };
}

function advance(value: unknown, step: Step, out: unknown[]): void {
  if (step.kind === 'all') {
    for (const item of each(value)) if (item !== null) out.push(item);
    return;
  }
  if (step.kind === 'keys') {
    if (isObject(value)) for (const key of Object.keys(value)) out.push(key);
    return;
  }
  if (step.kind === 'begins') {
    if (!isObject(value)) return;
    for (const [key, found] of Object.entries(value)) {
      if (key.startsWith(step.with) && found !== null) out.push(found);
    }
    return;
  }
  const found =
    step.kind === 'field'
      ? field(value, step.name)
      : step.kind === 'key'
        ? entry(value, step.name)
        : Array.isArray(value)
          ? value[step.index]
          : undefined;
  if (found !== undefined && found !== null) out.push(found);
}

function parse(text: string): Step[] {
  const path: Step[] = [];
  let above: string | undefined;
  steps.lastIndex = 0;
  while (steps.lastIndex < text.length) {
    const at = steps.lastIndex;
    const match = steps.exec(text);
    // A dot stands before every name but the first, and nowhere else.
    if (!match || (match[0].startsWith('.') ? at === 0 : at > 0 && !match[0].startsWith('['))) {
      throw new PathError(`the path is wrong at character ${at + 1}`);
    }
    const parts = match.groups ?? {};
    if (path.at(-1)?.kind === 'keys') throw new PathError('keys() must be the last step of a path');
    const quoted = parts['single'] ?? parts['double'];
    if (parts['keys'] !== undefined) path.push({ kind: 'keys' });
    else if (parts['all'] !== undefined || parts['star'] !== undefined) path.push({ kind: 'all' });
    else if (parts['index'] !== undefined) path.push({ kind: 'index', index: Number(parts['index']) });
    else if (quoted !== undefined && parts['begins'] !== undefined)
      path.push({ kind: 'begins', with: quoted });
    else if (quoted !== undefined) path.push({ kind: 'key', name: quoted });
    else path.push({ kind: isCallersMap(above) ? 'key' : 'field', name: parts['field'] ?? '' });
    above = parts['field'];
    if (path.length > maxSteps) throw new PathError(`the path has more than ${maxSteps} steps`);
  }
  if (path.length === 0) throw new PathError('the path is empty');
  return path;
}
