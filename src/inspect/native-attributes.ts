// What a predicate reads, as closures: attributes by their names, keys of maps, variables.
import type { ASTNode } from '@marcbachmann/cel-js';
import { type Attributes, attributeTable, type ContentAttributes, isSecretHeader } from './attributes.ts';
import { type Expression, type Frame, type Get, none, type Scope } from './native-types.ts';

/** A macro's variable, or the body, its objects and its pods. */
export function variable(name: string, { variables }: Scope): Expression | undefined {
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

const attributes: ReadonlyMap<string, string> = new Map(attributeTable.map(({ name, type }) => [name, type]));

/** `request.verb` and the like. */
export function attribute(variableName: string, field: string): Expression | undefined {
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

type KeyAsked = { readonly map: MapName; readonly key: string };

/** Which map is asked for which literal key? */
export function keyAsked(map: ASTNode, key: ASTNode, { variables }: Scope): KeyAsked | undefined {
  if (map.op !== '.' || map.args[0].op !== 'id' || variables.has(map.args[0].args)) return undefined;
  const name = `${map.args[0].args} ${map.args[1]}`;
  if (name !== 'request headers' && name !== 'response headers' && name !== 'request query') return undefined;
  return key.op === 'value' && typeof key.args === 'string' ? { map: name, key: key.args } : undefined;
}

export function keyValues({ map, key }: KeyAsked): Get<readonly string[] | undefined> {
  if (map === 'request query') return ({ request }) => request.query.get(key);
  if (map === 'response headers') return ({ response }) => response.headers.get(key);
  if (isSecretHeader(key)) return () => undefined;
  // All fields of a request as a map take 2 to 3 µs to make.
  return ({ request }) => (request.header ? request.header(key) : request.headers.get(key));
}

/** Only of a key that is there. */
export function entry(node: ASTNode & { op: '[]' }, scope: Scope): Expression | undefined {
  const asked = keyAsked(node.args[0], node.args[1], scope);
  if (!asked || !scope.keys.has(`${asked.map} ${asked.key}`)) return undefined;
  const values = keyValues(asked);
  return { type: 'list<string>', get: (a, f) => values(a, f) ?? none };
}
