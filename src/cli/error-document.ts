// The error document of `-o json`: written by a command that fails, read back by the supervisor of a service.
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { foreignCode } from '../base/failure-codes.ts';

const ErrorDocument = z.object({
  ok: z.literal(false),
  error: z.object({
    code: z.string(),
    message: z.string(),
    place: z.string().optional(),
    hint: z.string().optional(),
    pointer: z.string().optional(),
  }),
});

export const errorDocument = {
  /** One line: `{"ok":false,"error":{"code","message","place"?,"hint"?,"pointer"?}}`. */
  write({ code, message, place, hint, pointer }: Failure): string {
    return JSON.stringify({ ok: false, error: { code, message, place, hint, pointer } });
  },
  /** Undefined when the line is no such document. */
  read(line: string): Failure | undefined {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return undefined;
    }
    const parsed = ErrorDocument.safeParse(value);
    if (!parsed.success) return undefined;
    const { code, message, place, hint, pointer } = parsed.data.error;
    return new Failure(foreignCode(code), message, {
      ...(place ? { place } : {}),
      ...(hint ? { hint } : {}),
      pointer,
    });
  },
};
