// Looks for one request in a gate's access records.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Failure } from '../base/failure.ts';

type AccessRecord = Readonly<Record<string, unknown>>;

/** The last one with that verdict id or Audit-ID. @throws Failure `unreadable` */
export async function findAccessRecord(path: string, id: string): Promise<AccessRecord | undefined> {
  let found: AccessRecord | undefined;
  try {
    for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
      if (!line.includes(id)) continue;
      const record = parse(line);
      if (record?.['id'] === id || record?.['auditId'] === id) found = record;
    }
  } catch (cause) {
    throw new Failure('unreadable', `can't be read: ${(cause as NodeJS.ErrnoException).code}`, {
      place: path,
      cause,
    });
  }
  return found;
}

/** A line that is being written just now is none. */
function parse(line: string): AccessRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as AccessRecord) : undefined;
  } catch {
    return undefined;
  }
}
