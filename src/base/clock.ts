/** Time as a value that is passed in. `now` is milliseconds since the Unix epoch; `mono` is monotonic milliseconds. */
export type Clock = { now(): number; mono(): number };

/** RFC 3339 in UTC with milliseconds, as every record carries it. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
