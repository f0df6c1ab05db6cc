// Reads YAML documents that people write (inventory, policy, shields) against their schema.
import { isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import type { FailureCode } from '../base/failure-codes.ts';

/**
 * Parses one YAML document against a schema. Aliases are refused (none of our formats needs them, and they are how
 * small files become large ones), as are duplicate keys and unknown fields.
 * @param place the file's name, for messages
 * @throws Failure `bad-yaml` (`file:line:column`) when it isn't YAML; `code` (`file:line:column`, naming the field)
 *   when it is not what the schema says. Every problem is in the message, the first one gives the place.
 */
export function readDocument<S extends z.ZodType>(
  schema: S,
  text: string,
  place: string,
  code: FailureCode,
): z.output<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    schema: 'core',
  });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${place}:${line}:${col}`;
  };
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken)
    throw new Failure('bad-yaml', `not valid YAML: ${broken.message}`, { place: at(broken.pos[0]) });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new Failure('bad-yaml', 'aliases (*name) are not allowed', { place, cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues;
  const first = issues[0];
  const messages = issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || '(document)'}: ${issue.message}`);
  if (issues.length > 5) messages.push(`and ${issues.length - 5} more`);
  throw new Failure(code, messages.join('; '), { place: first ? locate(first.path) : place });

  /** Position of the deepest node on the path that exists. */
  function locate(path: readonly PropertyKey[]): string {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return place;
  }
}
