// Typed parts of CEL without its evaluator: a node of a checked predicate as a closure over attributes. What could fail when
// it is evaluated (a key that no operand before has found, a value whose type is not known) is not compiled here, so what
// is compiled never fails and answers what the evaluator answers (native-test.test.ts and native-body.test.ts hold
// the two against each other). Closures cost 5 to 10 ns a node, the evaluator 50 to 100.
//
// What is worked out of a body (the values of a path, of each object; a whole `exists`) is kept with the body for the next
// rule that asks the same: a catalogue asks for the same places again and again.
import type { ASTNode } from '@marcbachmann/cel-js';
import {
  type Attributes,
  attributeTable,
  type ContentAttributes,
  isSecretHeader,
  type Operation,
} from './attributes.ts';
import { type BodyMethod, bodyMethods, isPath, pathValues } from './body-values.ts';
import { inCidrs } from './in-cidrs.ts';
import type { LinearRegex } from './linear-regex.ts';
import { visit } from './tree.ts';

/** Values of macros' variables, by their depth: two places each, the item and its index in its list. */
type Frame = unknown[];
type Get<T> = (attributes: Attributes, frame: Frame) => T;
export type NativeBool = Get<boolean>;

type Types = {
  string: string;
  bool: boolean;
  /** Of CEL's int and double alike: all that are compiled are exact in a double. */
  number: number;
  /** A value of a body's. */
  dyn: unknown;
  operation: Operation;
  'list<string>': readonly string[];
  'list<number>': readonly number[];
  'list<dyn>': readonly unknown[];
  'list<operation>': readonly Operation[];
};
type TypeName = keyof Types;
type Typed<N extends TypeName> = {
  readonly type: N;
  readonly get: Get<Types[N]>;
  readonly literal?: Types[N];
};
type Expression = { readonly [N in TypeName]: Typed<N> }[TypeName];

/** Lists whose items keep what their paths find. */
type Root = 'objects' | 'pods';
type Variable = { readonly type: TypeName; readonly depth: number; readonly root?: Root | undefined };

export type Scope = {
  readonly regexOf: (pattern: string) => LinearRegex;
  readonly variables: ReadonlyMap<string, Variable>;
  /** Keys that are there, as an operand of && before says: `headers user-agent`. */
  readonly keys: ReadonlySet<string>;
};

export function emptyScope(regexOf: Scope['regexOf']): Scope {
  return { regexOf, variables: new Map(), keys: new Set() };
}

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
      return asBool(comparison(node.op, node.args[0], node.args[1], scope));
    case 'in':
      return asBool(membership(node.args[0], node.args[1], scope));
    case '+':
      return sum(node.args[0], node.args[1], scope);
    case 'list':
      return list(node.args, scope);
    case 'call':
      return node.args[0] === 'inCidrs' ? asBool(cidrs(node.args[1], scope)) : undefined;
    case 'rcall':
      return call(node, scope);
    default:
      return undefined;
  }
}

function asBool(get: NativeBool | undefined): Expression | undefined {
  return get && { type: 'bool', get };
}

function literal(value: unknown): Expression | undefined {
  if (typeof value === 'string') return { type: 'string', get: () => value, literal: value };
  if (typeof value === 'boolean') return { type: 'bool', get: () => value, literal: value };
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined;
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number)) return undefined;
  return { type: 'number', get: () => number, literal: number };
}

function variable(name: string, { variables }: Scope): Expression | undefined {
  const known = variables.get(name);
  if (known) {
    const { depth } = known;
    return { type: known.type, get: (_: Attributes, f: Frame) => f[depth] } as Expression;
  }
  if (name === 'objects') return { type: 'list<dyn>', get: ({ content }) => content?.objects ?? none };
  if (name === 'pods') return { type: 'list<dyn>', get: ({ content }) => content?.pods ?? none };
  if (name === 'object') return { type: 'dyn', get: ({ content }) => content?.object };
  return undefined;
}
const none: readonly never[] = [];

const attributes: ReadonlyMap<string, string> = new Map(attributeTable.map(({ name, type }) => [name, type]));

function member(node: ASTNode & { op: '.' }, scope: Scope): Expression | undefined {
  const [left, name] = node.args;
  if (left.op === 'id' && !scope.variables.has(left.args)) return attribute(left.args, name);
  const of = expression(left, scope);
  if (of?.type !== 'operation' || (name !== 'op' && name !== 'path' && name !== 'from')) return undefined;
  return { type: 'string', get: (a, f) => of.get(a, f)[name] };
}

function attribute(variableName: string, field: string): Expression | undefined {
  const type = attributes.get(`${variableName}.${field}`);
  const get = getter(variableName, field);
  if (type === 'int') return { type: 'number', get: (a) => Number(get(a)) };
  if (type === 'list<operation>') {
    return { type, get: ({ content }) => content?.patch.operations ?? none };
  }
  if (type === 'string' || type === 'bool' || type === 'list<string>') return { type, get } as Expression;
  return undefined;
}

function getter(variableName: string, field: string): (attributes: Attributes) => unknown {
  switch (variableName) {
    case 'request': {
      const key = field as keyof Attributes['request'];
      return ({ request }) => request[key];
    }
    case 'response':
      return ({ response }) => response.status;
    case 'patch':
      if (field === 'copies') return ({ content }) => content?.patch.copies ?? false;
      return ({ content }) => content?.patch.type ?? '';
    case 'body': {
      const key = field as keyof ContentAttributes['body'];
      return ({ content }) => content?.body[key] ?? '';
    }
    default:
      return ({ upgrade }) => upgrade.event;
  }
}

type MapName = 'request headers' | 'response headers' | 'request query';

/** Which map is asked for which literal key? */
function keyAsked(
  map: ASTNode,
  key: ASTNode,
  { variables }: Scope,
): { readonly map: MapName; readonly key: string } | undefined {
  if (map.op !== '.' || map.args[0].op !== 'id' || variables.has(map.args[0].args)) return undefined;
  const name = `${map.args[0].args} ${map.args[1]}`;
  if (name !== 'request headers' && name !== 'response headers' && name !== 'request query') return undefined;
  return key.op === 'value' && typeof key.args === 'string' ? { map: name, key: key.args } : undefined;
}

function valuesOf(map: MapName, key: string): Get<readonly string[] | undefined> {
  if (map === 'request query') return ({ request }) => request.query.get(key);
  if (map === 'response headers') return ({ response }) => response.headers.get(key);
  if (isSecretHeader(key)) return () => undefined;
  // All fields of a request as a map take 2 to 3 µs to make.
  return ({ request }) => (request.header ? request.header(key) : request.headers.get(key));
}

/** Only of a key that is there. */
function entry(node: ASTNode & { op: '[]' }, scope: Scope): Expression | undefined {
  const asked = keyAsked(node.args[0], node.args[1], scope);
  if (!asked || !scope.keys.has(`${asked.map} ${asked.key}`)) return undefined;
  const values = valuesOf(asked.map, asked.key);
  return { type: 'list<string>', get: (a, f) => values(a, f) ?? none };
}

function logical(op: '&&' | '||', left: ASTNode, right: ASTNode, scope: Scope): Expression | undefined {
  const first = bool(left, scope);
  const second = bool(right, op === '&&' ? scopeAfter(left, scope) : scope);
  if (!first || !second) return undefined;
  if (op === '&&') return { type: 'bool', get: (a, f) => first(a, f) && second(a, f) };
  return { type: 'bool', get: (a, f) => first(a, f) || second(a, f) };
}

function comparison(op: string, left: ASTNode, right: ASTNode, scope: Scope): NativeBool | undefined {
  const one = expression(left, scope);
  const other = expression(right, scope);
  if (!one || !other) return undefined;
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

function membership(left: ASTNode, right: ASTNode, scope: Scope): NativeBool | undefined {
  const asked = keyAsked(right, left, scope);
  if (asked) {
    const values = valuesOf(asked.map, asked.key);
    return (a, f) => values(a, f) !== undefined;
  }
  const one = expression(left, scope);
  const all = expression(right, scope);
  if (!one || !all || !plainTypes.has(one.type) || all.type !== `list<${one.type}>`) {
    return one && literalMembership(one, right, scope);
  }
  const get = one.get as Get<unknown>;
  const { literal: values } = all as { readonly literal?: readonly unknown[] };
  if (values) {
    const set = new Set(values);
    return (a, f) => set.has(get(a, f));
  }
  const items = all.get as Get<readonly unknown[]>;
  return (a, f) => items(a, f).includes(get(a, f));
}

/** In a list of truths, which has no type of its own here, or in an empty one. */
function literalMembership(one: Expression, right: ASTNode, scope: Scope): NativeBool | undefined {
  if (right.op !== 'list' || !plainTypes.has(one.type)) return undefined;
  const items = right.args.map((item) => expression(item, scope));
  if (!items.every((item) => item?.type === one.type && item.literal !== undefined)) return undefined;
  const set = new Set<unknown>(items.map((item) => item?.literal));
  const get = one.get as Get<unknown>;
  return (a, f) => set.has(get(a, f));
}

function sum(left: ASTNode, right: ASTNode, scope: Scope): Expression | undefined {
  const one = expression(left, scope);
  const other = expression(right, scope);
  if (one?.type !== 'string' || other?.type !== 'string') return undefined;
  return { type: 'string', get: (a, f) => one.get(a, f) + other.get(a, f) };
}

function list(nodes: readonly ASTNode[], scope: Scope): Expression | undefined {
  const items = nodes.map((item) => expression(item, scope));
  const type = items[0]?.type ?? 'string';
  if (type !== 'string' && type !== 'number') return undefined;
  if (!items.every((item) => item?.type === type && item.literal !== undefined)) return undefined;
  const values = items.map((item) => item?.literal);
  return { type: `list<${type}>`, get: () => values, literal: values } as Expression;
}

function cidrs(args: readonly ASTNode[], scope: Scope): NativeBool | undefined {
  const [one, all] = args.map((arg) => expression(arg, scope));
  if (args.length !== 2 || one?.type !== 'string' || all?.type !== 'list<string>') return undefined;
  const prefixes = all.literal ?? undefined;
  if (prefixes) return (a, f) => inCidrs(one.get(a, f), prefixes);
  return (a, f) => inCidrs(one.get(a, f), all.get(a, f));
}

type Call = ASTNode & { op: 'rcall' };

function call(node: Call, scope: Scope): Expression | undefined {
  const [name, receiver, args] = node.args;
  if (args.length === 2) return macro(node, scope);
  if (name === 'size' && args.length === 0) {
    const of = expression(receiver, scope);
    if (!of?.type.startsWith('list<')) return undefined;
    const get = of.get as Get<readonly unknown[]>;
    return { type: 'number', get: (a, f) => get(a, f).length };
  }
  const [arg] = args;
  if (args.length !== 1 || !arg) return undefined;
  if (Object.hasOwn(bodyMethods, name)) return path(name as BodyMethod, receiver, arg, scope);
  return asBool(textCall(name, receiver, arg, scope));
}

function textCall(name: string, receiver: ASTNode, arg: ASTNode, scope: Scope): NativeBool | undefined {
  const text = expression(receiver, scope);
  const part = expression(arg, scope);
  if (text?.type !== 'string' || part?.type !== 'string') return undefined;
  const { get } = text;
  if (name === 'startsWith') return (a, f) => get(a, f).startsWith(part.get(a, f));
  if (name === 'endsWith') return (a, f) => get(a, f).endsWith(part.get(a, f));
  if (name === 'contains') return (a, f) => get(a, f).includes(part.get(a, f));
  if (name !== 'matches' || part.literal === undefined) return undefined;
  const regex = scope.regexOf(part.literal);
  return (a, f) => regex(get(a, f));
}

const listTypes = { values: 'list<dyn>', strings: 'list<string>', numbers: 'list<number>' } as const;

function path(method: BodyMethod, receiver: ASTNode, arg: ASTNode, scope: Scope): Expression | undefined {
  if (arg.op !== 'value' || typeof arg.args !== 'string') return undefined;
  const of = expression(receiver, scope);
  if (of?.type !== 'dyn') return undefined;
  const text = arg.args;
  if (!isPath(text)) return undefined;
  const type = listTypes[method];
  const known = receiver.op === 'id' ? scope.variables.get(receiver.args) : undefined;
  if (!known?.root && !(receiver.op === 'id' && receiver.args === 'object')) {
    const found = pathValues(method, text);
    return { type, get: (a: Attributes, f: Frame) => found(of.get(a, f)) } as Expression;
  }
  return { type, get: keptPath(method, known?.root ?? 'object', text, of.get, known?.depth) } as Expression;
}

/** What a path finds in an object of a body's, found once a body; what its steps up to the last `[*]` find is shared by paths. */
function keptPath(
  method: BodyMethod,
  root: Root | 'object',
  text: string,
  of: Get<unknown>,
  depth: number | undefined,
): Get<readonly unknown[]> {
  const whole = pathValues(method, text);
  const key = `${root} ${method} ${text}`;
  const star = text.lastIndexOf('[*]');
  const rest = text.slice(star + 3).replace(/^\./, '');
  const shared =
    star > 0 && rest !== ''
      ? {
          items: keptPath('values', root, text.slice(0, star + 3), of, depth),
          tail: pathValues(method, rest),
        }
      : undefined;
  return (a, f) => {
    const kept = a.content?.kept;
    if (!kept) return whole(of(a, f));
    let column = kept.get(key) as (readonly unknown[])[] | undefined;
    if (!column) {
      column = [];
      kept.set(key, column);
    }
    const index = depth === undefined ? 0 : (f[depth + 1] as number);
    const known = column[index];
    if (known) return known;
    const found = shared ? tails(shared.items(a, f), shared.tail) : whole(of(a, f));
    column[index] = found;
    return found;
  };
}

function tails(items: readonly unknown[], tail: (value: unknown) => readonly unknown[]): readonly unknown[] {
  let found: unknown[] | undefined;
  for (const item of items) {
    for (const value of tail(item)) {
      found ??= [];
      found.push(value);
    }
  }
  return found ?? none;
}

const itemTypes: Readonly<Record<string, TypeName>> = {
  'list<string>': 'string',
  'list<number>': 'number',
  'list<dyn>': 'dyn',
  'list<operation>': 'operation',
};

function macro(node: Call, scope: Scope): Expression | undefined {
  const [name, receiver, [item, body]] = node.args;
  if (item?.op !== 'id' || !body || (name !== 'exists' && name !== 'all' && name !== 'filter'))
    return undefined;
  const over = expression(receiver, scope);
  const type = over && itemTypes[over.type];
  if (!over || !type) return undefined;
  const depth = 2 * scope.variables.size;
  // A second variable of the same name hides the first: its place would be taken for another's.
  if (scope.variables.has(item.args)) return undefined;
  const root =
    receiver.op === 'id' && (receiver.args === 'objects' || receiver.args === 'pods')
      ? receiver.args
      : undefined;
  const inner = bool(body, {
    ...scope,
    variables: new Map(scope.variables).set(item.args, { type, depth, root }),
  });
  if (!inner) return undefined;
  const items = over.get as Get<readonly unknown[]>;
  if (name === 'filter') {
    const get: Get<readonly unknown[]> = (a, f) =>
      items(a, f).filter((value, index) => {
        f[depth] = value;
        f[depth + 1] = index;
        return inner(a, f);
      });
    return { type: over.type, get } as Expression;
  }
  const stops = name === 'exists';
  const find: NativeBool = (a, f) => {
    const all = items(a, f);
    let found = !stops;
    for (let index = 0; index < all.length; index++) {
      f[depth] = all[index];
      f[depth + 1] = index;
      if (inner(a, f) === stops) {
        found = stops;
        break;
      }
    }
    // Nothing of a body outlives its request.
    f[depth] = undefined;
    return found;
  };
  const of = root ?? (isOperations(receiver) ? 'patch.operations' : undefined);
  const kept = of !== undefined && scope.variables.size === 0 && isOfBody(body, item.args);
  return { type: 'bool', get: kept ? keptBool(`${of}.${textOf(node)}`, find) : find };
}

function isOperations({ op, args }: ASTNode): boolean {
  return op === '.' && args[0].op === 'id' && args[0].args === 'patch' && args[1] === 'operations';
}

function textOf({ input, start, end }: ASTNode): string {
  return input.slice(start, end);
}

/** A whole `exists` or `all` over a body, asked once a body. */
function keptBool(key: string, find: NativeBool): NativeBool {
  return (a, f) => {
    const kept = a.content?.kept;
    if (!kept) return find(a, f);
    const known = kept.get(key);
    if (typeof known === 'boolean') return known;
    const found = find(a, f);
    kept.set(key, found);
    return found;
  };
}

/** Does it ask of nothing but the variable, literals and what its own macros bind? */
function isOfBody(node: ASTNode, name: string): boolean {
  const bound = new Set([name]);
  const free: string[] = [];
  visit(node, (each) => {
    if (each.op === 'id') free.push(each.args);
    const item = each.op === 'rcall' && each.args[2].length === 2 ? each.args[2][0] : undefined;
    if (item?.op === 'id') bound.add(item.args);
  });
  return free.every((one) => bound.has(one));
}
