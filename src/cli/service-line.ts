// What the services under `up` say, for a terminal: their logs are one JSON object a line.

/** Members that say nothing new beside the line's own head. */
const known = new Set(['at', 'level', 'agent', 'gate', 'event']);

/**
 * `gate  plan-applied generation=3 listeners=1` from a JSON line; a line that isn't JSON as it is; undefined for what the
 * log of the controller tells better (incidents).
 */
export function serviceLine(service: string, line: string): string | undefined {
  const head = service.padEnd(10);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return `${head}  ${line}`;
  }
  if (typeof value !== 'object' || value === null || !('event' in value)) return `${head}  ${line}`;
  if (value.event === 'incident') return undefined;
  const fields = Object.entries(value)
    .filter(([key]) => !known.has(key))
    .map(([key, member]) => `${key}=${typeof member === 'number' ? Math.round(member) : text(member)}`);
  return [`${head}  ${String(value.event)}`, ...fields].join(' ');
}

function text(member: unknown): string {
  return typeof member === 'string' ? member : JSON.stringify(member);
}
