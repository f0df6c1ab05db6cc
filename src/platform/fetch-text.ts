// Text from an https URL, bounded in time and size.
import { Failure } from '../base/failure.ts';

const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 60_000;

/** Redirects are followed as long as they lead to https. @throws Failure `unreadable` */
export async function fetchText(url: string): Promise<string> {
  const refused = (why: string, cause?: unknown) =>
    new Failure('unreadable', `can't be fetched: ${why}`, { place: url, ...(cause ? { cause } : {}) });
  if (!url.startsWith('https://')) throw refused('only https URLs are read');
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.url.startsWith('https://')) throw refused('it leads to a place without TLS');
    if (!answer.ok) throw refused(`the server answers ${answer.status}`);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of answer.body ?? []) {
      length += part.length;
      if (length > maxBytes) throw refused(`it is larger than ${maxBytes / 1024 / 1024} MiB`);
      parts.push(part);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw refused(inner instanceof Error ? inner.message : String(inner), cause);
  }
}
