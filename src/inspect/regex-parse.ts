// Reads the regular expressions that rules may use: the part of RE2's syntax that needs no backtracking and that
// JavaScript reads alike. Look-around, back-references, \b, named groups and flags other than a leading (?i) are refused.

/** Inclusive ranges of UTF-16 code units, sorted, not touching. */
export type CharSet = readonly (readonly [number, number])[];

export type RegexNode =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'cat'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'alt'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly item: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' };

/** A pattern that is not of the admitted kind; the message is a clause. */
export class RegexError extends Error {}

const top = 0xffff;
/** `{n,m}` is written out when compiled, so it is bounded. */
const maxRepeat = 200;
const maxDepth = 50;

/** @throws RegexError */
export function parseRegex(pattern: string): RegexNode {
  const fold = pattern.startsWith('(?i)');
  const reader: Reader = { text: pattern, at: fold ? 4 : 0, fold, depth: 0 };
  const node = readAlternation(reader);
  if (reader.at < pattern.length) throw new RegexError("an unmatched ')'");
  return node;
}

type Reader = { readonly text: string; at: number; readonly fold: boolean; depth: number };

function readAlternation(reader: Reader): RegexNode {
  const items = [readSequence(reader)];
  while (reader.text[reader.at] === '|') {
    reader.at++;
    items.push(readSequence(reader));
  }
  return items.length === 1 && items[0] ? items[0] : { kind: 'alt', items };
}

function readSequence(reader: Reader): RegexNode {
  const items: RegexNode[] = [];
  while (reader.at < reader.text.length && !'|)'.includes(reader.text[reader.at] ?? '')) {
    items.push(readQuantified(reader));
  }
  return { kind: 'cat', items };
}

function readQuantified(reader: Reader): RegexNode {
  const atom = readAtom(reader);
  const quantifier = /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})/.exec(
    reader.text.slice(reader.at, reader.at + 16),
  );
  if (!quantifier) return atom;
  if (atom.kind === 'begin' || atom.kind === 'end')
    throw new RegexError('a quantifier has nothing to repeat');
  reader.at += quantifier[0].length;
  // A lazy quantifier matches the same texts.
  if (reader.text[reader.at] === '?') reader.at++;
  if ('*+?{'.includes(reader.text[reader.at] || 'x'))
    throw new RegexError('a quantifier follows a quantifier');
  const [min, max] = bounds(quantifier);
  if (min > maxRepeat || (max !== Number.POSITIVE_INFINITY && max > maxRepeat) || max < min) {
    throw new RegexError(
      `the repetition ${quantifier[0]} is out of order or above the limit of ${maxRepeat}`,
    );
  }
  return { kind: 'repeat', item: atom, min, max };
}

function bounds(quantifier: RegExpExecArray): [number, number] {
  if (quantifier[0] === '*') return [0, Number.POSITIVE_INFINITY];
  if (quantifier[0].startsWith('+')) return [1, Number.POSITIVE_INFINITY];
  if (quantifier[0].startsWith('?')) return [0, 1];
  const min = Number(quantifier[1]);
  if (quantifier[2] === undefined) return [min, min];
  return [min, quantifier[3] ? Number(quantifier[3]) : Number.POSITIVE_INFINITY];
}

function readAtom(reader: Reader): RegexNode {
  const char = reader.text[reader.at++] ?? '';
  if (char === '^') return { kind: 'begin' };
  if (char === '$') return { kind: 'end' };
  if (char === '(') return readGroup(reader);
  if (char === '[') return { kind: 'set', set: readClass(reader) };
  if (char === '.') return { kind: 'set', set: invert([[10, 10]]) };
  if (char === '\\') return { kind: 'set', set: folded(reader, readEscape(reader)) };
  if ('*+?{}]'.includes(char)) throw new RegexError(`a bare '${char}' (write \\${char})`);
  const code = char.charCodeAt(0);
  return { kind: 'set', set: folded(reader, [[code, code]]) };
}

function readGroup(reader: Reader): RegexNode {
  if (++reader.depth > maxDepth) throw new RegexError(`groups nest more than ${maxDepth} deep`);
  if (reader.text[reader.at] === '?') {
    if (!reader.text.startsWith('?:', reader.at))
      throw new RegexError('only (…) and (?:…) groups are admitted');
    reader.at += 2;
  }
  const node = readAlternation(reader);
  if (reader.text[reader.at++] !== ')') throw new RegexError("a '(' is not closed");
  reader.depth--;
  return node;
}

const digits: CharSet = [[48, 57]];
const words: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
/** RE2's \s: tab, line feed, form feed, carriage return, space. */
const spaces: CharSet = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const escapes: Readonly<Record<string, CharSet>> = {
  d: digits,
  D: invert(digits),
  w: words,
  W: invert(words),
  s: spaces,
  S: invert(spaces),
  n: [[10, 10]],
  r: [[13, 13]],
  t: [[9, 9]],
};

/** After the backslash. */
function readEscape(reader: Reader): CharSet {
  const char = reader.text[reader.at++] ?? '';
  const known = escapes[char];
  if (known) return known;
  if (char === 'x') {
    const hex = /^[0-9a-fA-F]{2}/.exec(reader.text.slice(reader.at, reader.at + 2));
    if (!hex) throw new RegexError('\\x needs two hex digits');
    reader.at += 2;
    const code = Number.parseInt(hex[0], 16);
    return [[code, code]];
  }
  if (!/^[!-/:-@[-`{-~]$/.test(char)) throw new RegexError(`the escape \\${char} is not admitted`);
  const code = char.charCodeAt(0);
  return [[code, code]];
}

/** After the `[`. */
function readClass(reader: Reader): CharSet {
  const negated = reader.text[reader.at] === '^';
  if (negated) reader.at++;
  const ranges: [number, number][] = [];
  for (;;) {
    if (reader.at >= reader.text.length) throw new RegexError("a '[' is not closed");
    if (reader.text[reader.at] === ']') break;
    const first = readClassItem(reader);
    const single = first.length === 1 && first[0]?.[0] === first[0]?.[1];
    if (reader.text[reader.at] !== '-' || reader.text[reader.at + 1] === ']') {
      for (const [low, high] of first) ranges.push([low, high]);
      continue;
    }
    reader.at++;
    const last = readClassItem(reader);
    const low = first[0]?.[0] ?? 0;
    const high = last[0]?.[0] ?? 0;
    if (!single || last.length !== 1 || last[0]?.[1] !== high || high < low) {
      throw new RegexError('a character range is out of order or has no single ends');
    }
    ranges.push([low, high]);
  }
  reader.at++;
  if (ranges.length === 0) throw new RegexError('an empty character class');
  const set = folded(reader, merge(ranges));
  return negated ? invert(set) : set;
}

function readClassItem(reader: Reader): CharSet {
  const char = reader.text[reader.at++] ?? '';
  if (char === '\\') return readEscape(reader);
  if (char === '[') throw new RegexError("a '[' inside a character class (write \\[)");
  const code = char.charCodeAt(0);
  return [[code, code]];
}

function folded(reader: Reader, set: CharSet): CharSet {
  if (!reader.fold) return set;
  const more: [number, number][] = set.map(([low, high]) => [low, high]);
  for (const [low, high] of set) {
    for (let code = Math.max(low, 65); code <= Math.min(high, 122); code++) {
      if (code <= 90) more.push([code + 32, code + 32]);
      else if (code >= 97) more.push([code - 32, code - 32]);
    }
  }
  return merge(more);
}

function merge(ranges: readonly (readonly [number, number])[]): CharSet {
  const merged: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function invert(set: CharSet): CharSet {
  const out: [number, number][] = [];
  let next = 0;
  for (const [low, high] of merge(set)) {
    if (low > next) out.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= top) out.push([next, top]);
  return out;
}
