// Operators and methods of CEL over what is compiled already.
import { inCidrs } from './in-cidrs.ts';
import type { Expression, Get, NativeBool, Scope, TypeName } from './native-types.ts';

export function literal(value: unknown): Expression | undefined {
  if (typeof value === 'string') return { type: 'string', get: () => value, literal: value };
  if (typeof value === 'boolean') return { type: 'bool', get: () => value, literal: value };
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined;
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number)) return undefined;
  return { type: 'number', get: () => number, literal: number };
}

export function comparison(op: string, one: Expression, other: Expression): NativeBool | undefined {
  if (op === '==' || op === '!=') return equality(op, one, other);
  // Order is compiled for numbers only: CEL orders text by code point, JavaScript by code unit.
  if (one.type !== 'number' || other.type !== 'number') return undefined;
  const [a, b] = [one.get, other.get];
  const bound = other.literal;
  if (op === '<') return (v, f) => a(v, f) < b(v, f);
  if (op === '<=') return bound === undefined ? (v, f) => a(v, f) <= b(v, f) : (v, f) => a(v, f) <= bound;
  if (op === '>') return bound === undefined ? (v, f) => a(v, f) > b(v, f) : (v, f) => a(v, f) > bound;
  return (v, f) => a(v, f) >= b(v, f);
}

const plainTypes: ReadonlySet<TypeName> = new Set(['string', 'bool', 'number']);

function equality(op: '==' | '!=', one: Expression, other: Expression): NativeBool | undefined {
  const equal = one.type === other.type && plainTypes.has(one.type);
  // A body's value with a text or a truth: of no other type is it the same.
  const mixed =
    one.type === 'dyn' && (typeof other.literal === 'string' || typeof other.literal === 'boolean');
  if (!equal && !mixed) return undefined;
  const a = one.get as Get<unknown>;
  const b = other.get as Get<unknown>;
  const value: unknown = other.literal;
  if (value !== undefined) return op === '==' ? (v, f) => a(v, f) === value : (v, f) => a(v, f) !== value;
  return op === '==' ? (v, f) => a(v, f) === b(v, f) : (v, f) => a(v, f) !== b(v, f);
}

/** @param items what is in a list as it stands, each compiled: truths have no list type of their own here, nor has an empty list */
export function membership(
  one: Expression,
  all: Expression | undefined,
  items: readonly (Expression | undefined)[] | undefined,
): NativeBool | undefined {
  if (!plainTypes.has(one.type)) return undefined;
  const get = one.get as Get<unknown>;
  if (all?.type !== `list<${one.type}>`) {
    if (!items?.every((item) => item?.type === one.type && item.literal !== undefined)) return undefined;
    const set = new Set<unknown>(items.map((item) => item?.literal));
    return (a, f) => set.has(get(a, f));
  }
  const { literal: values } = all as { readonly literal?: readonly unknown[] };
  if (values) {
    const set = new Set(values);
    return (a, f) => set.has(get(a, f));
  }
  const list = all.get as Get<readonly unknown[]>;
  return (a, f) => list(a, f).includes(get(a, f));
}

export function sum(one: Expression | undefined, other: Expression | undefined): Expression | undefined {
  if (one?.type !== 'string' || other?.type !== 'string') return undefined;
  return { type: 'string', get: (a, f) => one.get(a, f) + other.get(a, f) };
}

/** Of literals. */
export function list(items: readonly (Expression | undefined)[]): Expression | undefined {
  const type = items[0]?.type ?? 'string';
  if (type !== 'string' && type !== 'number') return undefined;
  if (!items.every((item) => item?.type === type && item.literal !== undefined)) return undefined;
  const values = items.map((item) => item?.literal);
  return { type: `list<${type}>`, get: () => values, literal: values } as Expression;
}

export function cidrs([one, all, ...more]: readonly (Expression | undefined)[]): NativeBool | undefined {
  if (more.length > 0 || one?.type !== 'string' || all?.type !== 'list<string>') return undefined;
  const prefixes = all.literal ?? undefined;
  if (prefixes) return (a, f) => inCidrs(one.get(a, f), prefixes);
  return (a, f) => inCidrs(one.get(a, f), all.get(a, f));
}

/** Methods of texts. */
export function textCall(
  name: string,
  text: Expression | undefined,
  part: Expression | undefined,
  regexOf: Scope['regexOf'],
): NativeBool | undefined {
  if (text?.type !== 'string' || part?.type !== 'string') return undefined;
  const { get } = text;
  if (name === 'startsWith') return (a, f) => get(a, f).startsWith(part.get(a, f));
  if (name === 'endsWith') return (a, f) => get(a, f).endsWith(part.get(a, f));
  if (name === 'contains') return (a, f) => get(a, f).includes(part.get(a, f));
  if (name !== 'matches' || part.literal === undefined) return undefined;
  const regex = regexOf(part.literal);
  return (a, f) => regex(get(a, f));
}
