// The part of CEL that needs no evaluator: attributes compared with literals, joined by &&, || and !. It can't fail, so
// it answers exactly what CEL answers (native-test.test.ts holds the two against each other).
import type { ASTNode } from '@marcbachmann/cel-js';
import { type Attributes, attributeTable, type ContentAttributes } from './attributes.ts';
import type { LinearRegex } from './linear-regex.ts';

type Test = (attributes: Attributes) => boolean;
/** `exact`: the test is the expression. Otherwise it is only necessary: where it is false, the expression is. */
export type NativeTest = { readonly test: Test; readonly exact: boolean };
type Scalar = string | boolean | bigint;

const scalars: ReadonlySet<string> = new Set(
  attributeTable.filter((row) => ['string', 'bool', 'int'].includes(row.type)).map((row) => row.name),
);

/**
 * undefined: nothing can be said without the evaluator.
 * @param admits names of attributes that may be asked; nothing is said of others. Left out: all
 */
export function nativeTest(
  node: ASTNode,
  regexOf: (pattern: string) => LinearRegex,
  admits: (name: string) => boolean = () => true,
): NativeTest | undefined {
  if (node.op === '&&') {
    const [left, right] = node.args.map((arg) => nativeTest(arg, regexOf, admits));
    if (!left || !right)
      return left || right ? { test: (left ?? right)?.test as Test, exact: false } : undefined;
    return { test: (a) => left.test(a) && right.test(a), exact: left.exact && right.exact };
  }
  if (node.op === '||') {
    const [left, right] = node.args.map((arg) => nativeTest(arg, regexOf, admits));
    if (!left || !right) return undefined;
    return { test: (a) => left.test(a) || right.test(a), exact: left.exact && right.exact };
  }
  if (node.op === '!_') {
    const inner = nativeTest(node.args, regexOf, admits);
    return inner?.exact ? { test: (a) => !inner.test(a), exact: true } : undefined;
  }
  const asked = askedBy(node);
  if (asked === undefined || !admits(asked)) return undefined;
  const test = comparison(node) ?? membership(node) ?? call(node, regexOf) ?? flag(node);
  return test && { test, exact: true };
}

/**
 * The values that an attribute must have for the expression to hold, as text; undefined: any. An empty set: never.
 */
export function possibleValues(node: ASTNode, attribute: string): ReadonlySet<string> | undefined {
  if (node.op === '&&' || node.op === '||') {
    const left = possibleValues(node.args[0], attribute);
    const right = possibleValues(node.args[1], attribute);
    if (node.op === '&&') return left && right ? left.intersection(right) : (left ?? right);
    return left && right ? left.union(right) : undefined;
  }
  if (node.op === '==') {
    const value = attributeOf(node.args[0]) === attribute ? literalOf(node.args[1]) : undefined;
    return value === undefined ? undefined : new Set([String(value)]);
  }
  if (node.op === 'in' && attributeOf(node.args[0]) === attribute) {
    const values = listOf(node.args[1]);
    return values && new Set(values.map(String));
  }
  if (node.op === '!_') return attributeOf(node.args) === attribute ? new Set(['false']) : undefined;
  return attributeOf(node) === attribute ? new Set(['true']) : undefined;
}

/** The attribute that a comparison, a membership, a call or a flag is about. */
function askedBy(node: ASTNode): string | undefined {
  if (node.op === 'rcall') return attributeOf(node.args[1]);
  if (node.op === '.') return attributeOf(node);
  const [left] = Array.isArray(node.args) ? (node.args as readonly unknown[]) : [];
  return typeof left === 'object' && left !== null && 'op' in left ? attributeOf(left as ASTNode) : undefined;
}

function flag(node: ASTNode): Test | undefined {
  const name = attributeOf(node);
  const row = attributeTable.find((candidate) => candidate.name === name);
  if (row?.type !== 'bool') return undefined;
  const get = getter(row.name);
  return (attributes) => get(attributes) === true;
}

function comparison(node: ASTNode): Test | undefined {
  if (!['==', '!=', '<', '<=', '>', '>='].includes(node.op)) return undefined;
  const [left, right] = node.args as [ASTNode, ASTNode];
  const name = attributeOf(left);
  const value = literalOf(right);
  if (name === undefined || value === undefined) return undefined;
  const get = getter(name);
  if (node.op === '==') return (attributes) => get(attributes) === value;
  if (node.op === '!=') return (attributes) => get(attributes) !== value;
  // Order is native for integers only: CEL orders text by code point, JavaScript by code unit.
  if (typeof value !== 'bigint') return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) return undefined;
  if (node.op === '<') return (attributes) => Number(get(attributes)) < number;
  if (node.op === '<=') return (attributes) => Number(get(attributes)) <= number;
  if (node.op === '>') return (attributes) => Number(get(attributes)) > number;
  return (attributes) => Number(get(attributes)) >= number;
}

function membership(node: ASTNode): Test | undefined {
  if (node.op !== 'in') return undefined;
  const name = attributeOf(node.args[0]);
  const values = listOf(node.args[1]);
  if (name === undefined || !values) return undefined;
  const get = getter(name);
  const set: ReadonlySet<Scalar> = new Set(values);
  return (attributes) => set.has(get(attributes));
}

function call(node: ASTNode, regexOf: (pattern: string) => LinearRegex): Test | undefined {
  if (node.op !== 'rcall') return undefined;
  const [method, receiver, args] = node.args;
  const name = attributeOf(receiver);
  const value = args.length === 1 && args[0] ? literalOf(args[0]) : undefined;
  if (name === undefined || typeof value !== 'string') return undefined;
  const get = getter(name) as (attributes: Attributes) => string;
  if (method === 'startsWith') return (attributes) => get(attributes).startsWith(value);
  if (method === 'endsWith') return (attributes) => get(attributes).endsWith(value);
  if (method === 'contains') return (attributes) => get(attributes).includes(value);
  if (method !== 'matches') return undefined;
  const regex = regexOf(value);
  return (attributes) => regex(get(attributes));
}

/** `request.verb` for that node; undefined for anything but a plain scalar attribute. */
function attributeOf(node: ASTNode): string | undefined {
  if (node.op !== '.' || node.args[0].op !== 'id') return undefined;
  const name = `${node.args[0].args}.${node.args[1]}`;
  return scalars.has(name) ? name : undefined;
}

function literalOf(node: ASTNode): Scalar | undefined {
  if (node.op !== 'value') return undefined;
  const value: unknown = node.args;
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint'
    ? value
    : undefined;
}

function listOf(node: ASTNode): Scalar[] | undefined {
  if (node.op !== 'list') return undefined;
  const values = node.args.map(literalOf);
  return values.every((value) => value !== undefined) ? values : undefined;
}

function getter(name: string): (attributes: Attributes) => Scalar {
  const [variable, field = ''] = name.split('.');
  if (variable === 'request') {
    const key = field as keyof Attributes['request'];
    return (attributes) => attributes.request[key] as Scalar;
  }
  if (variable === 'response') return (attributes) => attributes.response.status;
  if (variable === 'patch') {
    if (field === 'copies') return (attributes) => attributes.content?.patch.copies ?? false;
    return (attributes) => attributes.content?.patch.type ?? '';
  }
  if (variable === 'body') {
    const key = field as keyof ContentAttributes['body'];
    return (attributes) => attributes.content?.body[key] ?? '';
  }
  return (attributes) => attributes.upgrade.event;
}
