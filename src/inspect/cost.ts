// What a predicate can cost at worst, from its text alone: so that a shield that could stop the gate is refused when it is
// loaded. The unit is a step, about what the evaluator takes for one node of a predicate (50 ns where it was measured;
// bench/rules.ts holds estimates against measured times).
//
// Most predicates are asked without the evaluator, which takes a tenth (native-expression.ts), and what they find in a body is
// found once for all: a catalogue costs less than the sum of what is estimated here.
//
// Sizes of values are bounded by the limits on what carries them, and parts of one value share its bound: the items of a
// list of 64 KiB hold 64 KiB together, not each. So a macro's body is estimated twice, for an item of nothing and for one
// that is everything; what it adds for the contents counts once, all else once an item. Both grow linearly with sizes.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { defaultLimits } from '../model/limits.ts';
import { attributeTable } from './attributes.ts';
import { defaultBodyLimits } from './body/types.ts';
import { type RegexCost, regexCost } from './linear-regex.ts';
import { children } from './tree.ts';

/** The most that a value can hold, everything within it counted. */
type Size = {
  /** Items, entries and what they hold; 1 for a plain value. */
  readonly items: number;
  /** Of text. */
  readonly bytes: number;
  /** Items of the list itself, where fewer than all that they hold. */
  readonly length?: number;
};

type Bound = Size & {
  /** Steps for reading it from the request. */
  readonly read: number;
};

const { headBytes, headFields, bodyBytes } = defaultLimits;
const { maxValues, maxObjects, maxPatchOperations, maxExpanded } = defaultBodyLimits;
const plain: Size = { items: 1, bytes: 8 };
const text: Bound = { items: 1, bytes: headBytes, read: 0 };
const fields: Bound = { items: headFields, bytes: headBytes, read: headBytes * 0.1 };
/** A parameter of one letter and its separator. */
const parameters: Bound = { items: headBytes / 2, bytes: headBytes, read: headBytes };
/** A certificate as long as TLS lets through, in groups of two letters. */
const groups: Bound = { items: 8_192, bytes: 16_384, read: 0 };
/** A body's values, however they are looked at. Its objects and pods are found when it is decoded. */
const body: Bound = { items: maxValues, bytes: bodyBytes, read: 0 };
const parted: Bound = { ...body, length: maxObjects };

/** Attributes whose type does not say how much they hold. */
const bounds: Readonly<Record<string, Bound>> = {
  'request.groups': groups,
  'request.queryNames': parameters,
  'request.fieldSelector': { ...text, read: headBytes },
  'request.continueStart': { ...text, read: headBytes },
  'request.upgradeProtocols': { ...parameters, read: headBytes * 0.5 },
  'request.headers': fields,
  'response.headers': fields,
  'request.query': parameters,
  'request.sourceTags': { items: 256, bytes: 16_384, read: 0 },
  objects: parted,
  /** With what their variables come to. */
  pods: { ...parted, bytes: bodyBytes + maxExpanded },
  'patch.operations': { ...body, length: maxPatchOperations },
};

/** Steps: an evaluation that the predicate's own comparisons can't do without the evaluator; a node; an item of a macro. */
const evaluation = 6;
const node = 1;
const item = 2;
/** Steps a byte. */
const compared = 0.002;
const searched = 0.12;
const copied = 0.1;
const matched = 0.15;
/** The same, for each instruction of an automaton that does not settle. */
const unsettled = 0.05;
/** Steps of a path into a body, and for each value that it could pass: one without `*` and `keys()` passes one an object. */
const path = 5;
const passed = 1;

const environment = new Environment({ limits: { maxAstNodes: 500, maxDepth: 50 } });

/** Steps that one evaluation can take at worst, with every limit at its default. The predicate must compile. */
export function predicateCost(predicate: string): number {
  const { own, reads } = predicateCosts(predicate);
  return own + sum([...reads.values()]);
}

/** The same, apart: `reads` is what is made once a request, whoever asks for it, by the attribute. */
export function predicateCosts(predicate: string): {
  readonly own: number;
  readonly reads: ReadonlyMap<string, number>;
} {
  const { ast } = environment.parse(predicate);
  const reads = new Map<string, number>();
  for (const name of namesIn(ast))
    if (remembered.has(name)) reads.set(name, Math.ceil(boundOf(name)?.read ?? 0));
  return { own: Math.ceil(evaluation + estimate(ast, new Map()).steps), reads };
}

/** Made once a request, however often they are named. */
const remembered: ReadonlySet<string> = new Set([
  'request.query',
  'request.queryNames',
  'request.headers',
  'request.fieldSelector',
  'request.continueStart',
]);

/** Attributes that a predicate names. */
function namesIn(ast: ASTNode, found: Set<string> = new Set<string>()): Set<string> {
  if (ast.op === '.' && ast.args[0].op === 'id') found.add(`${ast.args[0].args}.${ast.args[1]}`);
  for (const child of children(ast)) namesIn(child, found);
  return found;
}

type Estimate = { readonly steps: number; readonly size: Size };
type Variables = ReadonlyMap<string, Size>;

function estimate(ast: ASTNode, variables: Variables): Estimate {
  switch (ast.op) {
    case 'value':
      return {
        steps: node,
        size: typeof ast.args === 'string' ? { items: 1, bytes: ast.args.length } : plain,
      };
    case 'id':
      return { steps: node, size: variables.get(ast.args) ?? attribute(ast.args) };
    case '.':
    case '.?': {
      const name = ast.args[0].op === 'id' && `${ast.args[0].args}.${ast.args[1]}`;
      const row = name !== false && !variables.has(ast.args[0].args as string) && boundOf(name);
      if (row) return { steps: node + (remembered.has(String(name)) ? 0 : row.read), size: row };
      return plus(estimate(ast.args[0], variables), node);
    }
    case 'rcall':
      return macro(ast, variables) ?? call(ast, variables);
    default:
      return operation(ast, variables);
  }
}

function operation(ast: ASTNode, variables: Variables): Estimate {
  const parts = children(ast).map((child) => estimate(child, variables));
  const steps = sum(parts.map((part) => part.steps)) + node;
  const size = together(parts.map((part) => part.size));
  switch (ast.op) {
    case '[]':
    case '[?]':
      return { steps, size: valuesOf(parts[0]?.size ?? plain, ast.args) };
    case 'list':
    case 'map':
    case '?:':
      return { steps, size };
    case 'in':
      return { steps: steps + (parts[1]?.size.items ?? 0) * 0.5 + size.bytes * compared, size: plain };
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return { steps: steps + size.items * 0.2 + size.bytes * compared, size: plain };
    case '+':
      return { steps: steps + size.items * 0.2 + size.bytes * copied, size };
    case '&&':
    case '||':
    case '!_':
    case '-_':
    case '-':
    case '*':
    case '/':
    case '%':
      return { steps, size: plain };
    default:
      // Functions, size() among them: each looks at all it is given.
      return { steps: steps + size.items + size.bytes * copied, size };
  }
}

/** Of one key of a map: each value is sent with its name and a separator. */
function valuesOf(size: Size, [, key]: readonly unknown[]): Size {
  const name = (key as { readonly args?: unknown } | undefined)?.args;
  if (typeof name !== 'string') return size;
  return { ...size, items: Math.min(size.items, Math.ceil(size.bytes / (name.length + 2))) };
}

type ReceiverCall = ASTNode & { op: 'rcall' };

function call(ast: ReceiverCall, variables: Variables): Estimate {
  const [name, receiver, args] = ast.args;
  const parts = [receiver, ...args].map((child) => estimate(child, variables));
  const steps = sum(parts.map((part) => part.steps)) + node;
  const size = together(parts.map((part) => part.size));
  switch (name) {
    case 'matches': {
      const pattern = args[0]?.op === 'value' ? String(args[0].args) : '';
      const { program, settles } = costOf(pattern);
      const each = settles ? matched : matched + program * unsettled;
      return { steps: steps + (parts[0]?.size.bytes ?? 0) * each, size: plain };
    }
    case 'values':
    case 'strings':
    case 'numbers': {
      const { items, bytes } = parts[0]?.size ?? plain;
      const spreads = args[0]?.op !== 'value' || /\*|keys\(\)/.test(String(args[0].args));
      if (!spreads) return { steps: steps + path, size: { items, bytes, length: 1 } };
      return { steps: steps + path + items * passed, size: { items, bytes } };
    }
    case 'startsWith':
    case 'endsWith':
      return { steps: steps + size.bytes * compared, size: plain };
    case 'contains':
      return { steps: steps + size.bytes * searched, size: plain };
    case 'split':
      return { steps: steps + size.bytes * 0.5, size: { items: size.bytes + 1, bytes: size.bytes } };
    default:
      return { steps: steps + size.items + size.bytes * copied, size };
  }
}

/** A catalogue asks for the same patterns again and again. */
const patterns = new Map<string, RegexCost>();

function costOf(pattern: string): RegexCost {
  const cost = patterns.get(pattern) ?? regexCost(pattern);
  patterns.set(pattern, cost);
  return cost;
}

const quantifiers = new Set(['all', 'exists', 'exists_one']);
const nothing: Size = { items: 0, bytes: 0 };

function macro(ast: ReceiverCall, variables: Variables): Estimate | undefined {
  const [name, receiver, args] = ast.args;
  const variable = args[0]?.op === 'id' ? args[0].args : undefined;
  if (variable === undefined) return undefined;
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && args[1] && args[2]) {
    const value = estimate(args[1], variables);
    return plus(estimate(args[2], new Map(variables).set(variable, value.size)), value.steps + node);
  }
  if (!quantifiers.has(name) && name !== 'map' && name !== 'filter') return undefined;
  const over = estimate(receiver, variables);
  const items = over.size.length ?? over.size.items;
  const bodies = args.slice(1).map((body) => {
    const empty = estimate(body, new Map(variables).set(variable, nothing));
    const full = estimate(body, new Map(variables).set(variable, over.size));
    const spread = (of: (one: Estimate) => number) => items * of(empty) + Math.max(0, of(full) - of(empty));
    return {
      steps: spread((one) => one.steps),
      size: { items: spread((one) => Math.max(1, one.size.items)), bytes: spread((one) => one.size.bytes) },
    };
  });
  const steps = over.steps + node + items * item + sum(bodies.map((body) => body.steps));
  if (quantifiers.has(name)) return { steps, size: plain };
  return { steps, size: name === 'filter' ? over.size : (bodies.at(-1)?.size ?? plain) };
}

function attribute(name: string): Size {
  const row = boundOf(name);
  if (row) return row;
  // A variable as a whole, or what no predicate that compiles can name.
  return together(
    attributeTable.filter((one) => one.name.startsWith(`${name}.`)).map((one) => boundOf(one.name) ?? plain),
  );
}

function boundOf(name: string): Bound | undefined {
  const type = types.get(name);
  if (type === undefined) return undefined;
  const known = bounds[name];
  if (known) return known;
  if (type === 'string') return text;
  if (type === 'bool' || type === 'int') return { ...plain, read: 0 };
  if (type.includes('dyn')) return body;
  return type === 'list<string>' ? parameters : fields;
}
const types: ReadonlyMap<string, string> = new Map(attributeTable.map(({ name, type }) => [name, type]));

function plus(one: Estimate, steps: number): Estimate {
  return { steps: one.steps + steps, size: one.size };
}

function together(sizes: readonly Size[]): Size {
  return { items: sum(sizes.map(({ items }) => items)), bytes: sum(sizes.map(({ bytes }) => bytes)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
