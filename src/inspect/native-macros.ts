// Macros: exists, all and filter. A whole exists or all over a body is asked once a body.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Compile, Expression, Get, NativeBool, Scope, TypeName } from './native-types.ts';
import { visit } from './tree.ts';

type Call = ASTNode & { op: 'rcall' };

const itemTypes: Readonly<Record<string, TypeName>> = {
  'list<string>': 'string',
  'list<number>': 'number',
  'list<dyn>': 'dyn',
  'list<operation>': 'operation',
};

export function macro(node: Call, scope: Scope, compile: Compile): Expression | undefined {
  const [name, receiver, [item, body]] = node.args;
  if (item?.op !== 'id' || !body || (name !== 'exists' && name !== 'all' && name !== 'filter'))
    return undefined;
  const over = compile(receiver, scope);
  const type = over && itemTypes[over.type];
  if (!over || !type) return undefined;
  const depth = 2 * scope.variables.size;
  // A second variable of the same name hides the first: its place would be taken for another's.
  if (scope.variables.has(item.args)) return undefined;
  const root =
    receiver.op === 'id' && (receiver.args === 'objects' || receiver.args === 'pods')
      ? receiver.args
      : undefined;
  const variables = new Map(scope.variables).set(item.args, { type, depth, root });
  const found = compile(body, { ...scope, variables });
  if (found?.type !== 'bool') return undefined;
  const inner = found.get;
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
    let answer = !stops;
    for (let index = 0; index < all.length; index++) {
      f[depth] = all[index];
      f[depth + 1] = index;
      if (inner(a, f) === stops) {
        answer = stops;
        break;
      }
    }
    // Nothing of a body outlives its request.
    f[depth] = undefined;
    return answer;
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
