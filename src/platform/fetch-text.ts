// Text from an https URL, bounded in time and size.
import { Failure } from '../base/failure.ts';

const timeoutMs = 60_000;

/** A URL as it may be told: without user, password, query and fragment, any of which may hold a secret. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([a-z]+:\/\/)[^/]*@/i, '$1');
}

/** Redirects are followed as long as they lead to https. @param maxBytes 64 MiB when left out. @throws Failure `unreadable` */
export async function fetchText(
  url: string,
  { maxBytes = 64 * 1024 * 1024, signal }: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const refused = (why: string, cause?: unknown) =>
    new Failure('unreadable', `can't be fetched: ${why}`, {
      place: shownUrl(url),
      ...(cause ? { cause } : {}),
    });
  if (!url.startsWith('https://')) throw refused('only https URLs are read');
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
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
