// YAML as the API server reads it (sigs.k8s.io/yaml over go-yaml v2), for application/yaml and apply patches. The `yaml`
// package parses; what scalars mean, aliases, merge keys and keys given twice are decided here, under budgets: it would
// compare every key with every other, and expand aliases without counting. It takes 3 to 6 µs a byte, so its share is small.
import { isUtf8 } from 'node:buffer';
import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, Scalar, visit, type YAMLMap } from 'yaml';
import { foldedTwins, isMapField } from './folding.ts';
import { parseJson } from './json.ts';
import { BodyError } from './problems.ts';
import { setOwn } from './reach.ts';
import type { BodyLimits, JsonValue } from './types.ts';
import { resolvePlain } from './yaml-scalar.ts';

/** @throws BodyError */
export function decodeYaml(
  bytes: Uint8Array,
  limits: BodyLimits,
): { readonly value: JsonValue; readonly usesAliases: boolean } {
  // go-yaml reads UTF-16 as well, by its byte order mark.
  if (!isUtf8(bytes)) throw new BodyError('body-ambiguous', 'the body is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (/[\u0085\u2028\u2029\ufeff]/.test(text)) {
    throw new BodyError(
      'body-ambiguous',
      'the body has a character that YAML 1.1 takes for a line end or a mark',
    );
  }
  const json = asJson(text, limits);
  if (json !== undefined) return { value: json, usesAliases: false };
  if (bytes.length > limits.maxYamlBytes) {
    throw new BodyError(
      'body-too-large-decoded',
      `more than ${limits.maxYamlBytes} bytes of YAML that is not JSON`,
    );
  }
  checkText(text, limits);
  return new Conversion(limits).run(text);
}

/** Clients send JSON as YAML: where it is JSON, both readings are one (quoted keys are no merge keys). */
function asJson(text: string, limits: BodyLimits): JsonValue | undefined {
  if (!/^[ \t\r\n]*\{/.test(text)) return undefined;
  try {
    return parseJson(text, limits);
  } catch (error) {
    if (error instanceof BodyError && error.code === 'body-syntax') return undefined;
    throw error;
  }
}

/** Before the parser, which recurses: a bound on depth that may count brackets in texts too, but never too few. */
function checkText(text: string, limits: BodyLimits): void {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f]/.test(text)) {
    throw new BodyError('body-syntax', 'the body has a control character');
  }
  if (/^%/m.test(text)) throw new BodyError('body-ambiguous', 'the body has a YAML directive');
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > limits.maxDepth) throw tooDeep(limits);
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  for (const [, lead = ''] of text.matchAll(/^([ ]*(?:[-?:][ \t]+)+)/gm)) {
    if (lead.replaceAll(/[ \t]/g, '').length > limits.maxDepth) throw tooDeep(limits);
  }
}

function tooDeep(limits: BodyLimits): BodyError {
  return new BodyError('body-too-deep', `more than ${limits.maxDepth} levels`);
}

class Conversion {
  readonly #limits: BodyLimits;
  readonly #targets = new Map<Node, Node>();
  readonly #open = new Set<Node>();
  #values = 0;
  #usesAliases = false;
  #text = '';
  /** Flow collections (`[…]`, `{…}`) that are open. */
  #flows = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  run(text: string): { readonly value: JsonValue; readonly usesAliases: boolean } {
    this.#text = text;
    const document = this.#parsed(text);
    const value = document.contents === null ? null : this.#value(document.contents, 1, false);
    return { value, usesAliases: this.#usesAliases };
  }

  #parsed(text: string) {
    const options = { uniqueKeys: false, prettyErrors: false, schema: 'failsafe', version: '1.2' } as const;
    try {
      const document = parseDocument(text, { ...options, logLevel: 'error' });
      const problem = document.errors[0] ?? document.warnings[0];
      if (problem?.code === 'MULTIPLE_DOCS') {
        throw new BodyError(
          'body-ambiguous',
          'the body has several YAML documents, of which a server reads one',
        );
      }
      if (problem) throw new BodyError('body-syntax', 'the body is not YAML that every server reads alike');
      this.#bind(document.contents);
      return document;
    } catch (error) {
      // A nesting that the scan could not see, as of indented lines, ends in the parser's stack.
      if (error instanceof RangeError) throw tooDeep(this.#limits);
      throw error;
    }
  }

  /** An alias means the anchor that stands last before it in the text, wherever it is expanded. */
  #bind(contents: Node | null): void {
    const anchors = new Map<string, Node>();
    visit(contents, {
      Alias: (_key, node) => {
        this.#usesAliases = true;
        const target = anchors.get(node.source);
        if (!target) throw new BodyError('body-syntax', 'an alias has no anchor');
        this.#targets.set(node, target);
      },
      Value: (_key, node) => {
        if (node.anchor === undefined) return;
        this.#usesAliases = true;
        anchors.set(node.anchor, node);
      },
    });
  }

  #value(node: unknown, depth: number, isMapValue: boolean): JsonValue {
    if (++this.#values > this.#limits.maxValues) {
      throw new BodyError('body-too-large-decoded', `more than ${this.#limits.maxValues} values`);
    }
    if (depth > this.#limits.maxDepth) throw tooDeep(this.#limits);
    if (node === null) return null;
    if (isScalar(node)) return this.#scalar(node);
    const target = isAlias(node) ? this.#targets.get(node) : (node as Node);
    if (!target) throw new BodyError('body-syntax', 'an alias has no anchor');
    if (isScalar(target)) return this.#scalar(target);
    if (target.tag !== undefined && target !== node && !isMap(target) && !isSeq(target)) throw tagged();
    if (this.#open.has(target)) throw new BodyError('body-syntax', 'an anchor holds itself');
    this.#open.add(target);
    const isFlow = (isMap(target) || isSeq(target)) && target.flow === true;
    if (isFlow) this.#flows++;
    const value = isMap(target)
      ? this.#map(target, depth, isMapValue)
      : isSeq(target)
        ? this.#list(target.items, target, depth)
        : null;
    this.#open.delete(target);
    if (isFlow) this.#flows--;
    return value;
  }

  #list(items: readonly unknown[], node: Node, depth: number): JsonValue {
    checkTag(node, 'tag:yaml.org,2002:seq');
    return items.map((item) => this.#value(item, depth + 1, false));
  }

  #map(node: YAMLMap, depth: number, isMapValue: boolean): JsonValue {
    checkTag(node, 'tag:yaml.org,2002:map');
    const own: { [name: string]: JsonValue } = {};
    const keys: string[] = [];
    const seen = new Set<string>();
    let merged: { readonly [name: string]: JsonValue } | undefined;
    for (const { key, value } of node.items) {
      if (isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN) {
        if (merged) throw new BodyError('body-ambiguous', 'a YAML map has two merge keys');
        this.#usesAliases = true;
        merged = this.#merged(value, depth);
        for (const name of keys) {
          // The standard lets the map's own key win, go-yaml the later one.
          if (Object.hasOwn(merged, name))
            throw new BodyError('body-ambiguous', 'a merge key stands after what it sets');
        }
        continue;
      }
      if (node.flow) this.#checkFlowKey(key);
      const name = this.#key(key, depth);
      if (seen.has(name)) throw new BodyError('body-ambiguous', 'a YAML map has a key twice');
      seen.add(name);
      keys.push(name);
      setOwn(own, name, this.#value(value, depth + 1, isMapField(name)));
    }
    const whole = merged ? overlaid(merged, own) : own;
    if (!isMapValue && foldedTwins(Object.keys(whole))) {
      throw new BodyError('body-ambiguous', 'two keys of an object differ in letter case only');
    }
    return whole;
  }

  /** What `<<` brings: a map, or several of which the first wins. */
  #merged(value: unknown, depth: number): { readonly [name: string]: JsonValue } {
    const target = isAlias(value) ? this.#targets.get(value) : value;
    const sources = isSeq(target) && target === value ? target.items : [value];
    let all: { readonly [name: string]: JsonValue } = {};
    for (const source of sources) {
      const from = isAlias(source) ? this.#targets.get(source) : source;
      if (!isMap(from)) throw new BodyError('body-syntax', 'a merge key has no map');
      const map = this.#value(source, depth + 1, true) as { readonly [name: string]: JsonValue };
      all = overlaid(map, all);
    }
    return all;
  }

  /** As convertToJSONableObject of sigs.k8s.io/yaml writes keys. */
  #key(node: unknown, depth: number): string {
    const target = isAlias(node) ? this.#targets.get(node) : node;
    if (target !== null && !isScalar(target))
      throw new BodyError('body-syntax', 'a key of a YAML map is not plain');
    const value = this.#value(target, depth, false);
    if (typeof value === 'string') return value;
    const text = isScalar(target) ? String(target.value ?? '') : '';
    if (typeof value === 'boolean' || (Number.isSafeInteger(value) && integerKey.test(text)))
      return String(value);
    throw new BodyError('body-ambiguous', 'a key of a YAML map is null or no whole number');
  }

  /** In `{a:,b}` YAML 1.2 ends a key where go-yaml, asking for a space after the colon, does not. */
  #checkFlowKey(key: unknown): void {
    const end = isScalar(key) && key.type === Scalar.PLAIN ? key.range?.[1] : undefined;
    if (end !== undefined && this.#text[end] === ':' && /[,[\]{}]/.test(this.#text[end + 1] ?? '')) {
      throw new BodyError('body-ambiguous', 'a colon in a YAML flow map has no space after it');
    }
  }

  #scalar(node: Scalar): JsonValue {
    const text = String(node.value ?? '');
    if (node.tag !== undefined) checkTag(node, 'tag:yaml.org,2002:str');
    if (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED)
      return this.#block(node, text);
    if (node.tag !== undefined || node.type !== Scalar.PLAIN) {
      if (!text.isWellFormed())
        throw new BodyError('body-ambiguous', 'half of a surrogate pair stands alone');
      return text;
    }
    // go-yaml ends a plain scalar at a question mark there.
    if (this.#flows > 0 && text.includes('?')) {
      throw new BodyError('body-ambiguous', 'a question mark stands unquoted in a YAML flow collection');
    }
    return resolvePlain(text);
  }

  #block(node: Scalar, text: string): string {
    const [start = 0, , end = 0] = node.range ?? [];
    if (/^[|>][-+]?[0-9]/.test(this.#text.slice(start, start + 3))) {
      // Readers differ on lines of spaces below it.
      throw new BodyError('body-ambiguous', 'a YAML block scalar has an indentation indicator');
    }
    // The parser ends the last line where the text does not; go-yaml leaves it open.
    const isOpen = end >= this.#text.length && !this.#text.endsWith('\n');
    if (isOpen && /[ \t]$/.test(this.#text)) {
      throw new BodyError('body-ambiguous', 'a YAML block scalar ends in spaces and no line end');
    }
    return isOpen && text.endsWith('\n') ? text.slice(0, -1) : text;
  }
}

/** What go-yaml reads as an int; floats among the keys are written in fewer digits than they have. */
const integerKey = /^[-+]?(?:0[xX][0-9a-fA-F_]+|0b[01_]+|0[0-7_]*|[1-9][0-9_]*)$/;

function checkTag(node: { readonly tag?: string | undefined }, wanted: string): void {
  if (node.tag !== undefined && node.tag !== wanted) throw tagged();
}

function tagged(): BodyError {
  return new BodyError('body-ambiguous', 'the body has a YAML tag');
}

function overlaid(
  under: { readonly [name: string]: JsonValue },
  over: { readonly [name: string]: JsonValue },
): { [name: string]: JsonValue } {
  const whole: { [name: string]: JsonValue } = {};
  for (const part of [under, over])
    for (const name of Object.keys(part)) setOwn(whole, name, part[name] as JsonValue);
  return whole;
}
