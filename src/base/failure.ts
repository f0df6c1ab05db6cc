import type { FailureCode } from './failure-codes.ts';

/**
 * The one error that users see: a code from the documented list (failure-codes.ts), a sentence that says what to do,
 * and the place (file, line, field) where there is one. Anything else that escapes is a defect.
 */
export class Failure extends Error {
  readonly code: FailureCode;
  /** Where the problem is, e.g. `inventory.yaml:12:3` or `shields/CVE-….yaml: rules[0].when`. */
  readonly place: string | undefined;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  /** Two lines: what was read, and a caret under the character at fault. */
  readonly pointer: string | undefined;

  constructor(
    code: FailureCode,
    message: string,
    more: { place?: string; hint?: string; pointer?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'Failure';
    this.code = code;
    this.place = more.place;
    this.hint = more.hint;
    this.pointer = more.pointer;
  }
}

/** One line for a terminal: `place: message (hint) [code]`. */
export function describeFailure(error: unknown): string {
  if (error instanceof Failure) {
    const place = error.place ? `${error.place}: ` : '';
    const hint = error.hint ? ` (${error.hint})` : '';
    return `${place}${error.message}${hint} [${error.code}]`;
  }
  return error instanceof Error ? error.message : String(error);
}
