// Paths into a body. What they find is kept with the body for the next rule that asks the same.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Attributes } from './attributes.ts';
import { type BodyMethod, isPath, pathValues } from './body-values.ts';
import { type Expression, type Frame, type Get, none, type Root, type Scope } from './native-types.ts';

const listTypes = { values: 'list<dyn>', strings: 'list<string>', numbers: 'list<number>' } as const;

/** @param of what the receiver is */
export function path(
  method: BodyMethod,
  receiver: ASTNode,
  of: Expression | undefined,
  arg: ASTNode,
  scope: Scope,
): Expression | undefined {
  if (arg.op !== 'value' || typeof arg.args !== 'string' || of?.type !== 'dyn') return undefined;
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
