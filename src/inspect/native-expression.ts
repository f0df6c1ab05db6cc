// Typed parts of CEL without its evaluator: a node of a checked predicate as a closure over attributes. What could fail when
// it is evaluated (a key that no operand before has found, a value whose type is not known) is not compiled here, so what
// is compiled never fails and answers what the evaluator answers (native-test.test.ts and native-body.test.ts hold
// the two against each other). Closures cost 5 to 10 ns a node, the evaluator 50 to 100.
//
// What is worked out of a body (the values of a path, of each object; a whole `exists`) is kept with the body for the next
// rule that asks the same: a catalogue asks for the same places again and again.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Attributes } from './attributes.ts';
import { type BodyMethod, bodyMethods } from './body-values.ts';
import { attribute, entry, keyAsked, keyValues, variable } from './native-attributes.ts';
import { macro } from './native-macros.ts';
import { cidrs, comparison, list, literal, membership, sum, textCall } from './native-operators.ts';
import { path } from './native-paths.ts';
import type { Expression, Frame, Get, NativeBool, Scope } from './native-types.ts';

/** Predicates are evaluated one after the other and never inside each other: one frame serves all. */
const frame: Frame = [];

/** The predicate as a closure; undefined where it could fail, or holds what is not compiled. */
export function nativeBool(node: ASTNode, scope: Scope): ((attributes: Attributes) => boolean) | undefined {
  const test = bool(node, scope);
  return test && ((attributes) => test(attributes, frame));
}

/** The scope of the right operand of &&, where the left one holds. */
export function scopeAfter(left: ASTNode, scope: Scope): Scope {
  const found = keysIn(left, scope);
  return found.length === 0 ? scope : { ...scope, keys: new Set([...scope.keys, ...found]) };
}

function keysIn(node: ASTNode, scope: Scope): string[] {
  if (node.op === '&&') return [...keysIn(node.args[0], scope), ...keysIn(node.args[1], scope)];
  const asked = node.op === 'in' ? keyAsked(node.args[1], node.args[0], scope) : undefined;
  return asked ? [`${asked.map} ${asked.key}`] : [];
}

function bool(node: ASTNode, scope: Scope): NativeBool | undefined {
  const found = expression(node, scope);
  return found?.type === 'bool' ? found.get : undefined;
}

function expression(node: ASTNode, scope: Scope): Expression | undefined {
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id':
      return variable(node.args, scope);
    case '.':
      return member(node, scope);
    case '[]':
      return entry(node, scope);
    case '&&':
    case '||':
      return logical(node.op, node.args[0], node.args[1], scope);
    case '!_': {
      const inner = bool(node.args, scope);
      return inner && { type: 'bool', get: (a, f) => !inner(a, f) };
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return asBool(compared(node.op, node.args[0], node.args[1], scope));
    case 'in':
      return asBool(isIn(node.args[0], node.args[1], scope));
    case '+':
      return sum(expression(node.args[0], scope), expression(node.args[1], scope));
    case 'list':
      return list(all(node.args, scope));
    case 'call':
      return node.args[0] === 'inCidrs' ? asBool(cidrs(all(node.args[1], scope))) : undefined;
    case 'rcall':
      return call(node, scope);
    default:
      return undefined;
  }
}

function asBool(get: NativeBool | undefined): Expression | undefined {
  return get && { type: 'bool', get };
}

function member(node: ASTNode & { op: '.' }, scope: Scope): Expression | undefined {
  const [left, name] = node.args;
  if (left.op === 'id' && !scope.variables.has(left.args)) return attribute(left.args, name);
  const of = expression(left, scope);
  if (of?.type !== 'operation' || (name !== 'op' && name !== 'path' && name !== 'from')) return undefined;
  return { type: 'string', get: (a, f) => of.get(a, f)[name] };
}

function logical(op: '&&' | '||', left: ASTNode, right: ASTNode, scope: Scope): Expression | undefined {
  const first = bool(left, scope);
  const second = bool(right, op === '&&' ? scopeAfter(left, scope) : scope);
  if (!first || !second) return undefined;
  if (op === '&&') return { type: 'bool', get: (a, f) => first(a, f) && second(a, f) };
  return { type: 'bool', get: (a, f) => first(a, f) || second(a, f) };
}

function compared(op: string, left: ASTNode, right: ASTNode, scope: Scope): NativeBool | undefined {
  const one = expression(left, scope);
  const other = expression(right, scope);
  return one && other && comparison(op, one, other);
}

function isIn(left: ASTNode, right: ASTNode, scope: Scope): NativeBool | undefined {
  const asked = keyAsked(right, left, scope);
  if (asked) {
    const values = keyValues(asked);
    return (a, f) => values(a, f) !== undefined;
  }
  const one = expression(left, scope);
  const items = right.op === 'list' ? all(right.args, scope) : undefined;
  return one && membership(one, expression(right, scope), items);
}

function all(nodes: readonly ASTNode[], scope: Scope): (Expression | undefined)[] {
  return nodes.map((node) => expression(node, scope));
}

type Call = ASTNode & { op: 'rcall' };

function call(node: Call, scope: Scope): Expression | undefined {
  const [name, receiver, args] = node.args;
  if (args.length === 2) return macro(node, scope, expression);
  const of = expression(receiver, scope);
  if (name === 'size' && args.length === 0) {
    if (!of?.type.startsWith('list<')) return undefined;
    const get = of.get as Get<readonly unknown[]>;
    return { type: 'number', get: (a, f) => get(a, f).length };
  }
  const [arg] = args;
  if (args.length !== 1 || !arg) return undefined;
  if (Object.hasOwn(bodyMethods, name)) return path(name as BodyMethod, receiver, of, arg, scope);
  return asBool(textCall(name, of, expression(arg, scope), scope.regexOf));
}
