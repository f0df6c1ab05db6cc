// What rules over bodies may do with what was decoded. A body can lack any field and hold any type in its place, and a
// rule that meets an error counts as fired: so values are reached by paths, which find nothing where nothing is, and what
// a value of unknown type could fail at is refused when the rule is loaded.
import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import type { Failure } from '../base/failure.ts';
import { type BodyPath, compilePath, PathError } from './body/path.ts';
import type { JsonValue } from './body/types.ts';
import { children } from './tree.ts';

type Refuse = (why: string, at?: number) => Failure;
/** What a path finds, by the method that asks: everything, or what is of one type. */
export const bodyMethods = {
  values: { type: 'list<dyn>', of: undefined },
  strings: { type: 'list<string>', of: (value: unknown) => typeof value === 'string' },
  numbers: {
    type: 'list<double>',
    of: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
  },
} as const;
export type BodyMethod = keyof typeof bodyMethods;

const paths = new Map<string, BodyPath>();

/** Declares `values`, `strings` and `numbers`, and what an operation of a JSON patch holds. */
export function registerBodyFunctions(environment: Environment): void {
  environment.registerType('operation', {
    fields: { op: 'string', path: 'string', from: 'string', value: 'dyn' },
  });
  for (const name of Object.keys(bodyMethods) as BodyMethod[]) {
    environment.registerFunction(
      `dyn.${name}(string): ${bodyMethods[name].type}`,
      (value: JsonValue, path: string) => pathValues(name, path)(value),
    );
  }
}

/** What the method finds there. The path must be one that compiles. */
export function pathValues(method: BodyMethod, path: string): BodyPath {
  const find = pathOf(path);
  const { of } = bodyMethods[method];
  if (!of) return find;
  if (method === 'numbers') return (value) => find(value).filter(of).map(Number);
  return (value) => {
    const found = find(value);
    return found.every(of) ? found : found.filter(of);
  };
}

/** Only literals reach here: checkBodyValues has seen each. */
function pathOf(text: string): BodyPath {
  const known = paths.get(text);
  if (known) return known;
  const made = compilePath(text);
  paths.set(text, made);
  return made;
}

/** Can the text be compiled? */
export function isPath(text: string): boolean {
  try {
    pathOf(text);
    return true;
  } catch (error) {
    if (error instanceof PathError) return false;
    throw error;
  }
}

const operators = new Set(['<', '<=', '>', '>=', '+', '-', '*', '/', '%', '!_', '-_', '&&', '||', '?:']);

/** Refuses what could fail on a value of unknown type. The tree must have been checked: its types are read. */
export function checkBodyValues(node: ASTNode, refuse: Refuse): void {
  if (node.op === '.' && isDyn(node.args[0])) {
    throw refuse(`a field may be absent: write .values('${node.args[1]}')`, node.start);
  }
  if (node.op === '[]' && (isDyn(node.args[0]) || typeOf(node.args[0])?.startsWith('list'))) {
    throw refuse('an item may be absent: write .exists(item, …)', node.start);
  }
  if (operators.has(node.op) && children(node).some(isDyn)) {
    throw refuse(
      `a value may be of any type: ${node.op.replace('_', '')} takes .numbers('…') or a comparison`,
      node.start,
    );
  }
  if (node.op === 'call' && node.args[1].some(isDyn)) {
    throw refuse(`a value may be of any type: ${node.args[0]}() does not take it`, node.start);
  }
  if (node.op === 'rcall') checkCall(node, refuse);
  for (const child of children(node)) checkBodyValues(child, refuse);
}

function checkCall(node: ASTNode & { op: 'rcall' }, refuse: Refuse): void {
  const [name, receiver, args] = node.args;
  if (!Object.hasOwn(bodyMethods, name)) {
    if (!isDyn(receiver)) return;
    const instead = ['matches', 'startsWith', 'endsWith', 'contains'].includes(name) ? 'strings' : 'values';
    throw refuse(
      `a value may be of any type: ask .${instead}('…').exists(each, each.${name}(…))`,
      node.start,
    );
  }
  const path = args[0];
  if (!isDyn(receiver)) throw refuse(`${name}() is for object, objects, pods and what they hold`, node.start);
  if (args.length !== 1 || path?.op !== 'value' || typeof path.args !== 'string') {
    throw refuse(`${name}() takes one literal path`, node.start);
  }
  try {
    pathOf(path.args);
  } catch (cause) {
    if (!(cause instanceof PathError)) throw cause;
    throw refuse(`the path is not admitted: ${cause.message}`, path.start);
  }
}

function isDyn(node: ASTNode | undefined): boolean {
  return node !== undefined && typeOf(node) === 'dyn';
}

function typeOf(node: ASTNode): string | undefined {
  const type: unknown = (node as { readonly checkedType?: unknown }).checkedType;
  return type === undefined ? undefined : String(type);
}
