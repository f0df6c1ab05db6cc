// JSON as the API server reads it, or a refusal where two readers of JSON could differ. One pass over the text counts
// what JSON.parse would lose (keys, depth), then JSON.parse builds, then one walk compares: a key given twice shows as
// fewer keys built than written.
import { isUtf8 } from 'node:buffer';
import { foldedTwins, isMapField } from './folding.ts';
import { BodyError } from './problems.ts';
import type { BodyLimits, JsonValue } from './types.ts';

/** @throws BodyError */
export function decodeJson(bytes: Uint8Array, limits: BodyLimits): JsonValue {
  // Go's readers put U+FFFD in place of bytes that are not UTF-8, or keep them: what the server saw would be a guess.
  if (!isUtf8(bytes)) throw new BodyError('body-ambiguous', 'the body is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return parseJson(text, limits);
}

/** @throws BodyError */
export function parseJson(text: string, limits: BodyLimits): JsonValue {
  const written = scan(text, limits);
  let value: JsonValue;
  try {
    value = written.longNumbers ? parseWithSource(text, exactNumbers) : JSON.parse(text);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    throw new BodyError('body-syntax', 'the body is not JSON');
  }
  const built = countKeys(value, written.surrogates);
  if (built !== written.keys) throw new BodyError('body-ambiguous', 'an object has a key twice');
  return value;
}

type Scan = {
  /** Colons outside strings: keys, if this is JSON at all. */
  readonly keys: number;
  /** Is there a number that a double may not hold exactly, or at all? */
  readonly longNumbers: boolean;
  /** Is there an escape that may be half of a surrogate pair? */
  readonly surrogates: boolean;
};

const quote = 0x22;
const backslash = 0x5c;

/** Finds the end of strings by indexOf, which is far faster than a look at each character. */
function scan(text: string, limits: BodyLimits): Scan {
  const end = text.length;
  let keys = 0;
  let values = 1;
  let depth = 0;
  let longNumbers = false;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      let close = text.indexOf('"', at + 1);
      while (close >= 0 && text.charCodeAt(close - 1) === backslash && isEscaped(text, close, at)) {
        close = text.indexOf('"', close + 1);
      }
      if (close < 0) throw new BodyError('body-syntax', 'a string does not end');
      if (text.charCodeAt(at + 1) === backslash && isOneEscape(text, at, close)) checkNoKey(text, close + 1);
      at = close;
    } else if (code === 0x3a) {
      keys++;
    } else if (code === 0x2c) {
      values++;
    } else if (code === 0x7b || code === 0x5b) {
      values++;
      if (++depth > limits.maxDepth) {
        throw new BodyError('body-too-deep', `more than ${limits.maxDepth} levels`);
      }
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    } else if (code >= 0x30 && code <= 0x39) {
      const start = at;
      let exponent = false;
      for (;;) {
        const next = text.charCodeAt(at + 1);
        if (next === 0x65 || next === 0x45) exponent = true;
        else if (!((next >= 0x30 && next <= 0x39) || next === 0x2e || next === 0x2b || next === 0x2d)) break;
        at++;
      }
      if (exponent || at - start >= 15) longNumbers = true;
    }
  }
  if (values > limits.maxValues) {
    throw new BodyError('body-too-large-decoded', `more than ${limits.maxValues} values`);
  }
  const surrogates = text.includes('\\u') && /\\u[dD][89a-fA-F]/.test(text);
  return { keys, longNumbers, surrogates };
}

/** Is the string one escape, `"\\t"` or `"\\u0061"`? */
function isOneEscape(text: string, open: number, close: number): boolean {
  return close - open === 3 || (close - open === 7 && text.charCodeAt(open + 2) === 0x75);
}

/**
 * JSON.parse of V8 14 (Node 26) reads a key of one escaped character as a backslash, now and then. Nobody writes such keys.
 */
function checkNoKey(text: string, from: number): void {
  let at = from;
  while (/[ \t\r\n]/.test(text.charAt(at))) at++;
  if (text.charAt(at) === ':') throw new BodyError('body-ambiguous', 'a key is one escaped character');
}

/** Is the quote at `at` preceded by an odd number of backslashes? */
function isEscaped(text: string, at: number, start: number): boolean {
  let before = at - 1;
  while (before > start && text.charCodeAt(before) === backslash) before--;
  return (at - before) % 2 === 0;
}

type Reviver = (key: string, value: JsonValue, context: { readonly source?: string }) => JsonValue;

/** TypeScript's library does not know the third argument of a reviver yet. */
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => JsonValue;

/** Keeps integers exact; refuses what no double holds, as Go does. */
function exactNumbers(_key: string, value: JsonValue, context: { readonly source?: string }): JsonValue {
  if (typeof value !== 'number') return value;
  if (!Number.isFinite(value)) throw new BodyError('body-syntax', 'a number is out of range');
  const source = context.source ?? '';
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
  if (source.length > 20) return value; // beyond 64 bits the server holds a double too
  const exact = BigInt(source);
  return exact >= -(2n ** 63n) && exact < 2n ** 64n ? exact : value;
}

/** Counts the keys of all objects. Recursion is safe: the scan has bounded the depth. */
function countKeys(root: JsonValue, surrogates: boolean): number {
  let count = 0;
  function visit(value: JsonValue, isMap: boolean): void {
    if (typeof value === 'string') {
      if (surrogates && !value.isWellFormed()) lone();
    } else if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object' || surrogates) visit(item, false);
    } else if (typeof value === 'object' && value !== null) {
      const object = value as { readonly [name: string]: JsonValue };
      const keys = Object.keys(object);
      count += keys.length;
      if (!isMap && foldedTwins(keys)) {
        throw new BodyError('body-ambiguous', 'two keys of an object differ in letter case only');
      }
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i] as string;
        if (surrogates && !key.isWellFormed()) lone();
        const inner = object[key] as JsonValue;
        if ((typeof inner === 'object' && inner !== null) || surrogates) visit(inner, isMapField(key));
      }
    }
  }
  visit(root, false);
  return count;
}

function lone(): never {
  throw new BodyError('body-ambiguous', 'half of a surrogate pair stands alone');
}
