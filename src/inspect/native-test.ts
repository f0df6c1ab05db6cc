// The part of a predicate that needs no evaluator (native-expression.ts), joined by &&, || and !. It can't fail, so it answers
// exactly what CEL answers; where only some operands are of that kind, they are a necessary condition.
import type { ASTNode } from '@marcbachmann/cel-js';
import { type Attributes, attributeTable } from './attributes.ts';
import type { LinearRegex } from './linear-regex.ts';
import { nativeBool, scopeAfter } from './native-expression.ts';
import { emptyScope, type Scope } from './native-types.ts';

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
  return part(node, emptyScope(regexOf), admits);
}

function part(node: ASTNode, scope: Scope, admits: (name: string) => boolean): NativeTest | undefined {
  if (node.op === '&&') {
    const left = part(node.args[0], scope, admits);
    const right = part(node.args[1], scopeAfter(node.args[0], scope), admits);
    if (!left || !right)
      return left || right ? { test: (left ?? right)?.test as Test, exact: false } : undefined;
    return { test: (a) => left.test(a) && right.test(a), exact: left.exact && right.exact };
  }
  if (node.op === '||') {
    const [left, right] = node.args.map((arg) => part(arg, scope, admits));
    if (!left || !right) return undefined;
    return { test: (a) => left.test(a) || right.test(a), exact: left.exact && right.exact };
  }
  if (node.op === '!_') {
    const inner = part(node.args, scope, admits);
    return inner?.exact ? { test: (a) => !inner.test(a), exact: true } : undefined;
  }
  if (!namesIn(node).every(admits)) return undefined;
  const test = nativeBool(node, scope);
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

/** Names of attributes and variables that are asked for, outside of what macros bind. */
function namesIn(node: ASTNode): string[] {
  const names: string[] = [];
  const visit = (value: unknown, bound: ReadonlySet<string>): void => {
    if (Array.isArray(value)) {
      for (const each of value) visit(each, bound);
      return;
    }
    if (typeof value !== 'object' || value === null || !('op' in value)) return;
    const { op, args } = value as ASTNode;
    if (op === '.' && args[0].op === 'id' && !bound.has(args[0].args)) {
      names.push(`${args[0].args}.${args[1]}`);
    } else if (op === 'id') {
      if (!bound.has(args)) names.push(args);
    } else if (op === 'rcall' && args[2].length === 2 && args[2][0]?.op === 'id') {
      visit(args[1], bound);
      visit(args[2][1], new Set([...bound, args[2][0].args]));
    } else visit(args, bound);
  };
  visit(node, new Set());
  return names;
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
