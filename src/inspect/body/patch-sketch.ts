// A JSON patch (RFC 6902) as what it writes: a partial object with every value that its operations put somewhere, at that
// place, so that rules look at it as at a merge patch. The stored object is not known here, so a list holds only the items
// that were written, and of a copied value only what the patch itself wrote before.
import { BodyError } from './problems.ts';
import { isCallersMap, setOwn } from './reach.ts';
import type { BodyLimits, JsonObject, JsonValue, PatchOperation } from './types.ts';

export type PatchSketch = {
  readonly operations: readonly PatchOperation[];
  readonly value: JsonObject;
  readonly copies: boolean;
};

type Item = { at: number; node: Node };
/** Opened in place: a leaf that holds an object or a list becomes one whose members are leaves. */
type Node = {
  open: JsonValue | Opened;
  /** It was copied from what only the server knows: `{}` says that something is written, be it an object or a list. */
  isUnknown?: true;
};
class Opened {
  readonly entries: Map<string, Node> | undefined;
  /** Items whose index is known, in its order. */
  known: Item[];
  /** Items appended, or counted from an end that is not known. */
  readonly loose: Node[] = [];
  /** A list written whole, so that its indices are what the server has. Elsewhere what is overwritten stays in sight. */
  readonly whole: boolean;
  constructor(entries: Map<string, Node> | undefined, known: Item[] = [], whole = false) {
    this.entries = entries;
    this.known = known;
    this.whole = whole;
  }

  /** An index counted from the end moves others that are not known: what was written is kept, but not found again. */
  loosen(): void {
    for (const item of this.known) this.loose.push(item.node);
    this.known = [];
  }
}

/** Steps of work in lists, beyond the values themselves: many insertions at the front of a long list cost their product. */
const maxShifts = 5_000_000;

/** @throws BodyError */
export function sketchPatch(body: JsonValue, limits: BodyLimits): PatchSketch {
  if (!Array.isArray(body)) throw new BodyError('body-syntax', 'a JSON patch is a list of operations');
  if (body.length > limits.maxPatchOperations) {
    throw new BodyError('body-too-large-decoded', `more than ${limits.maxPatchOperations} operations`);
  }
  const operations = body.map(readOperation);
  const sketch = new Sketch(limits);
  let copies = false;
  for (const operation of operations) {
    const path = readPointer(operation.path, limits);
    if (operation.op === 'add' || operation.op === 'replace') {
      sketch.write(path, { open: operation.value ?? null }, operation.op === 'add');
    } else if (operation.op === 'copy' || operation.op === 'move') {
      copies = true;
      const from = readPointer(operation.from ?? '', limits);
      // Counted from an end that is not known, it may be any of the items that the patch wrote.
      if (sketch.isUnsure(from)) {
        throw new BodyError('body-ambiguous', 'an operation copies from a list whose indices are not known');
      }
      const copied = sketch.copyOf(from);
      if (operation.op === 'move') sketch.remove(from);
      sketch.write(path, copied ?? { open: {}, isUnknown: true }, true);
    } else if (operation.op === 'remove') {
      sketch.remove(path);
    }
  }
  return { operations, value: sketch.result(), copies };
}

const ops = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

function readOperation(item: JsonValue): PatchOperation {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new BodyError('body-syntax', 'an operation is not an object');
  }
  const member = (name: string): JsonValue | undefined =>
    Object.hasOwn(item, name) ? (item as JsonObject)[name] : undefined;
  const op = member('op');
  const path = member('path');
  const from = member('from');
  const value = member('value');
  if (typeof op !== 'string' || !ops.has(op))
    throw new BodyError('body-syntax', 'an operation is of no known kind');
  if (typeof path !== 'string') throw new BodyError('body-syntax', 'an operation has no path');
  const copies = op === 'copy' || op === 'move';
  if (copies && typeof from !== 'string') throw new BodyError('body-syntax', `a ${op} says not from where`);
  return {
    op: op as PatchOperation['op'],
    path,
    ...(copies ? { from: from as string } : {}),
    // The server takes an add without value for null.
    ...(op === 'add' || op === 'replace' || op === 'test' ? { value: value ?? null } : {}),
  };
}

/**
 * RFC 6901, strictly: the API server's library (evanphx/json-patch) drops whatever stands before the first slash, and
 * leaves a tilde alone that neither 0 nor 1 follows. Others refuse both.
 */
function readPointer(text: string, limits: BodyLimits): readonly string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) throw new BodyError('body-ambiguous', 'a path does not begin with a slash');
  if (/~(?![01])/.test(text)) throw new BodyError('body-ambiguous', 'a path has a tilde that is no escape');
  const tokens = text.slice(1).split('/', limits.maxDepth + 1);
  if (tokens.length > limits.maxDepth)
    throw new BodyError('body-too-deep', `more than ${limits.maxDepth} levels`);
  return tokens.map((token) =>
    token.includes('~') ? token.replaceAll('~1', '/').replaceAll('~0', '~') : token,
  );
}

/** An index as the server reads it (Go's strconv.Atoi); 'loose' for `-` and for one counted from the end. */
function indexOf(token: string): number | 'loose' | undefined {
  if (/^\+?\d{1,15}$/.test(token)) return Number(token);
  return token === '-' || /^-\d{1,15}$/.test(token) ? 'loose' : undefined;
}

class Sketch {
  readonly #limits: BodyLimits;
  #root: Node = { open: {} };
  #shifts = 0;
  #copied = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  result(): JsonObject {
    const value = frozen(this.#root);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BodyError('body-syntax', 'the patch makes no object of the whole');
    }
    return value as JsonObject;
  }

  write(path: readonly string[], node: Node, inserts: boolean): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.#root = node;
      return;
    }
    let at = this.#root;
    let name: string | undefined;
    for (const token of path.slice(0, -1)) {
      const inside = opened(at, token, name);
      let child = childOf(inside, token);
      if (!child) {
        child = { open: null };
        this.#put(inside, token, child, false);
      }
      at = child;
      name = token;
    }
    this.#put(opened(at, last, name), last, node, inserts);
  }

  /** Forgets what was surely written there; indices after it move down. */
  remove(path: readonly string[]): void {
    const last = path.at(-1);
    const at = last === undefined ? undefined : this.#find(path.slice(0, -1));
    const inside = at && thawed(at);
    if (last === undefined || !inside) return;
    if (inside.entries) {
      inside.entries.delete(last);
      return;
    }
    const index = indexOf(last);
    this.#work(inside.known.length);
    if (index === 'loose') inside.loosen();
    if (typeof index !== 'number') return;
    const where = place(inside.known, index);
    if (inside.known[where]?.at === index) {
      const [gone] = inside.known.splice(where, 1);
      if (gone && !inside.whole) inside.loose.push(gone.node);
    }
    for (let i = where; i < inside.known.length; i++) (inside.known[i] as Item).at--;
  }

  /** What the patch itself wrote there; its values are charged, for copies of copies double. */
  copyOf(path: readonly string[]): Node | undefined {
    const found = this.#find(path);
    if (!found) return undefined;
    this.#charge(frozen(found));
    return cloned(found);
  }

  /** Does the path lead through a list that this patch wrote to, past its end or counted from it? */
  isUnsure(path: readonly string[]): boolean {
    let at: Node | undefined = this.#root;
    for (const token of path) {
      const inside: Opened | undefined = thawed(at);
      if (inside && !inside.entries && (inside.loose.length > 0 || indexOf(token) === 'loose')) return true;
      at = inside && childOf(inside, token);
      if (!at) return false;
    }
    return false;
  }

  #find(path: readonly string[]): Node | undefined {
    let at: Node | undefined = this.#root;
    for (const token of path) {
      const inside: Opened | undefined = thawed(at);
      at = inside && childOf(inside, token);
      if (!at) return undefined;
    }
    return at;
  }

  #put(inside: Opened, token: string, node: Node, inserts: boolean): void {
    if (inside.entries) {
      inside.entries.set(token, node);
      return;
    }
    const isEnd = token === '-' && inside.whole && inside.loose.length === 0;
    const index = isEnd ? inside.known.length : indexOf(token);
    if (typeof index !== 'number') {
      if (token !== '-') inside.loosen();
      inside.loose.push(node);
      return;
    }
    const { known } = inside;
    const where = place(known, index);
    const there = known[where];
    if (!inserts && there?.at === index) {
      if (!inside.whole) inside.loose.push(there.node);
      there.node = node;
      return;
    }
    this.#work(known.length - where);
    if (inserts) for (let i = where; i < known.length; i++) (known[i] as Item).at++;
    known.splice(where, 0, { at: index, node });
  }

  #work(steps: number): void {
    this.#shifts += steps;
    if (this.#shifts > maxShifts)
      throw new BodyError('body-too-large-decoded', 'the patch moves too many list items');
  }

  #charge(value: JsonValue): void {
    const work: JsonValue[] = [value];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      if (++this.#copied > this.#limits.maxValues) {
        throw new BodyError('body-too-large-decoded', `more than ${this.#limits.maxValues} values`);
      }
      if (typeof next === 'object' && next !== null)
        for (const inner of Object.values(next)) work.push(inner as JsonValue);
    }
  }
}

/** The first position whose index is not below the wanted one. */
function place(known: readonly Item[], index: number): number {
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((known[middle] as Item).at < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function childOf(inside: Opened, token: string): Node | undefined {
  if (inside.entries) return inside.entries.get(token);
  const index = indexOf(token);
  if (typeof index !== 'number') return undefined;
  const item = inside.known[place(inside.known, index)];
  return item?.at === index ? item.node : undefined;
}

/** Opens what holds an object or a list; undefined for anything else. */
function thawed(node: Node): Opened | undefined {
  const { open } = node;
  if (open instanceof Opened) return open;
  if (typeof open !== 'object' || open === null) return undefined;
  const inside = Array.isArray(open)
    ? new Opened(
        undefined,
        open.map((value: JsonValue, at) => ({ at, node: { open: value } })),
        true,
      )
    : new Opened(new Map(Object.entries(open).map(([key, value]) => [key, { open: value }])));
  node.open = inside;
  return inside;
}

/** The inside of a node that the token is to be written into, made of the likely kind where there is none. */
function opened(node: Node, token: string, name: string | undefined): Opened {
  const isIndex = indexOf(token) !== undefined;
  const there = node.isUnknown ? undefined : thawed(node);
  delete node.isUnknown;
  if (there && (there.entries || isIndex)) {
    // `{}` written by this patch is an object; what it did not write is made when its first token is seen.
    return there;
  }
  // Below a map of the caller's own keys (labels, data), `0` is a key.
  const isList = !there && isIndex && !isCallersMap(name);
  const made = isList ? new Opened(undefined) : new Opened(new Map());
  // The guess of a list was wrong: its indices were keys.
  for (const item of there?.known ?? []) made.entries?.set(String(item.at), item.node);
  there?.loose.forEach((loose, at) => {
    made.entries?.set(`-${at}`, loose);
  });
  node.open = made;
  return made;
}

/** A list of which not all is known stays one. What was never opened is never changed, and shared. */
function cloned(node: Node): Node {
  const { open } = node;
  if (!(open instanceof Opened)) return { ...node };
  const entries = open.entries && new Map([...open.entries].map(([key, inner]) => [key, cloned(inner)]));
  const known = open.known.map((item) => ({ at: item.at, node: cloned(item.node) }));
  const copy = new Opened(entries, known, open.whole);
  for (const inner of open.loose) copy.loose.push(cloned(inner));
  return { ...node, open: copy };
}

/** Depth is bounded by the paths': what was never opened is taken as it is. */
function frozen(node: Node): JsonValue {
  const { open } = node;
  if (!(open instanceof Opened)) return open;
  if (!open.entries) return [...open.known.map((item) => frozen(item.node)), ...open.loose.map(frozen)];
  const object: { [name: string]: JsonValue } = {};
  for (const [key, inner] of open.entries) setOwn(object, key, frozen(inner));
  return object;
}
