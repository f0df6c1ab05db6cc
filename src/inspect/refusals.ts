// Every way the judge itself refuses, beyond what http/refusals.ts refuses for its bytes. Docs are generated from both.
import { refusals as httpRefusals, type RefusalCode } from '../http/refusals.ts';
import { bodyProblems } from './body/problems.ts';

/** status: what the caller is answered with while nothing of a response was sent. */
type Row = {
  readonly status: number;
  readonly sentence: string;
  /** Seconds after which the caller is told to try again. */
  readonly retryAfter?: number;
};

export const judgeRefusals = {
  'path-form': { status: 400, sentence: 'The target is neither a path nor *.' },
  'path-percent': { status: 400, sentence: 'The path holds a % that two hex digits do not follow.' },
  'path-encoded-twice': { status: 400, sentence: 'The path is percent-encoded more than once.' },
  'path-not-utf8': { status: 400, sentence: 'The path does not decode to UTF-8.' },
  'path-control': { status: 400, sentence: 'The path holds a control character.' },
  'path-backslash': {
    status: 400,
    sentence: 'The path holds a backslash, which some readers take for a slash.',
  },
  'path-semicolon': { status: 400, sentence: 'The path holds a semicolon, at which some readers cut it.' },
  'path-empty-segment': { status: 400, sentence: 'The path holds two slashes in a row.' },
  'path-dot-segment': { status: 400, sentence: 'The path holds a . or .. segment.' },
  'query-ambiguous': {
    status: 400,
    sentence: 'The query holds a semicolon that changes, from reader to reader, what is asked for.',
  },
  'connection-option': {
    status: 400,
    sentence:
      'The Connection field names a field that identifies or secures the request, or is not plain ASCII.',
  },
  'request-trailers': { status: 400, sentence: 'The request has trailer fields, which nobody inspects.' },
  'bad-identity': {
    status: 403,
    sentence:
      "The client certificate's subject can't be carried in a header: empty, padded or with control characters.",
  },
  'misdirected-request': {
    status: 421,
    sentence: 'The request is for another name than the connection: several servers share this port.',
  },
  'impersonation-refused': {
    status: 403,
    sentence: 'Impersonate-* fields are refused here, and may not be sent (--as and --as-group of kubectl).',
  },
  'pipeline-over-limit': { status: 400, sentence: 'More requests were sent ahead than the gate keeps.' },
  'slow-body': {
    status: 408,
    sentence: "Less of the request's body came in a minute than the limit asks for.",
  },
  'body-over-budget': { status: 413, sentence: 'The body is larger than what the rules may inspect.' },
  'held-bodies-full': {
    status: 429,
    retryAfter: 1,
    sentence: 'The gate holds as many bodies for its rules as it may; try again in a moment.',
  },
  ...bodyProblems,
  'h2-reset-flood': { status: 429, sentence: 'More HTTP/2 streams were reset than a caller may.' },
  'h2-ping-flood': { status: 429, sentence: 'More HTTP/2 PING frames were sent than a caller may.' },
  'h2-settings-flood': { status: 429, sentence: 'More HTTP/2 SETTINGS frames were sent than a caller may.' },
  'h2-idle-flood': {
    status: 429,
    sentence: 'More HTTP/2 frames were sent that carry nothing than a caller may.',
  },
  'h2-stream-limit': { status: 429, sentence: 'More HTTP/2 streams are open at once than the limit.' },
  'unsolicited-response': { status: 502, sentence: 'The server sent bytes that answer no request.' },
  'too-many-interim': { status: 502, sentence: 'The server sent more interim answers than the limit.' },
} as const satisfies Record<string, Row>;

/** A code under which a message is refused. */
export type JudgeRefusal = RefusalCode | keyof typeof judgeRefusals;

export function refusalRow(code: JudgeRefusal): Row {
  return code in judgeRefusals
    ? judgeRefusals[code as keyof typeof judgeRefusals]
    : httpRefusals[code as RefusalCode];
}
