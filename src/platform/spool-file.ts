// What waits for the controller, in a file: one JSON document a line, added as it comes, written anew when it has shrunk.
// A crash loses what came in the last moment; the controller knows what it was sent twice.
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import type { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { writeWhole } from './files.ts';
import type { SpoolStore } from './spool.ts';

export type SpoolFile<T> = SpoolStore<T> & {
  /** Lines that could not be read; they were set aside in the file named. */
  readonly damaged: { readonly lines: number; readonly place: string } | undefined;
};

/** How long additions are gathered, and how often the file is written anew at most, ms. */
const gatherMs = 100;
const rewriteMs = 1_000;

/**
 * @param trouble is told once when the file can't be written; what waits is then in memory only
 * @throws Failure `unreadable`
 */
export function openSpoolFile<S extends z.ZodType>(
  path: string,
  schema: S,
  trouble: (error: Failure) => void,
): SpoolFile<z.output<S>> {
  type Item = z.output<S>;
  const { found, bad } = read(path, schema);
  let damaged: SpoolFile<Item>['damaged'];
  if (bad > 0) {
    damaged = { lines: bad, place: `${path}.damaged` };
    renameSync(path, damaged.place);
    writeWhole(path, lines(found));
  }
  let added: Item[] = [];
  let wanted: Item[] | undefined;
  let rewritten = 0;
  let timer: NodeJS.Timeout | undefined;
  let failed = false;

  function flush(): void {
    timer = undefined;
    try {
      if (wanted) {
        writeWhole(path, lines(wanted));
        rewritten = performance.now();
      } else if (added.length > 0) append(path, lines(added));
      wanted = undefined;
      added = [];
      failed = false;
    } catch (cause) {
      if (!failed) {
        trouble(
          new Failure(
            'unwritable',
            `what waits for the controller can't be kept: ${(cause as Error).message}`,
            {
              place: path,
              cause,
            },
          ),
        );
      }
      failed = true;
    }
  }

  function later(ms: number): void {
    timer ??= setTimeout(flush, ms).unref();
  }

  return {
    found,
    damaged,
    add(item) {
      (wanted ?? added).push(item);
      later(gatherMs);
    },
    replace(items) {
      wanted = [...items];
      later(Math.max(gatherMs, rewritten + rewriteMs - performance.now()));
    },
    close() {
      clearTimeout(timer);
      flush();
    },
  };
}

function lines(items: readonly unknown[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
}

/** Owner-only from its first byte. */
function append(path: string, text: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'ax', 0o600));
  appendFileSync(path, text);
}

function read<S extends z.ZodType>(path: string, schema: S): { found: z.output<S>[]; bad: number } {
  let text: string;
  try {
    if (!existsSync(path)) return { found: [], bad: 0 };
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Failure('unreadable', `can't be read: ${(cause as NodeJS.ErrnoException).code}`, {
      place: path,
      cause,
    });
  }
  const found: z.output<S>[] = [];
  let bad = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const item = parseLine(line, schema);
    if (item === undefined) bad += 1;
    else found.push(item);
  }
  return { found, bad };
}

function parseLine<S extends z.ZodType>(line: string, schema: S): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
