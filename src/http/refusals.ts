// Every way this layer refuses a message: one row a code. Docs are generated from this table.

/** One row: the sentence says what was wrong with the message, never quoting it. */
type RefusalRow = {
  readonly sentence: string;
  /** What to answer a caller whose *request* is refused. A refused response is answered with 502, whatever the code. */
  readonly status: 400 | 413 | 414 | 417 | 431 | 501 | 505;
};

/**
 * code → sentence and status. Each is a place where two readers of the same bytes could see two messages, or where a
 * message is over a limit. Order: as a message is read.
 */
export const refusals = {
  'leading-blank-line': { status: 400, sentence: 'A blank line stands before the request line.' },
  'request-line-space': {
    status: 400,
    sentence: 'The parts of the request line are not parted by exactly one space.',
  },
  'short-request-line': { status: 400, sentence: 'The request line ends before its target and version.' },
  'method-not-token': { status: 400, sentence: 'The method holds a byte that no method may hold.' },
  'connect-refused': { status: 501, sentence: 'CONNECT asks for a tunnel, which the gate never opens.' },
  'target-too-long': { status: 414, sentence: 'The request line is over the limit for a head.' },
  'target-not-ascii': { status: 400, sentence: 'The target holds a byte outside ASCII.' },
  'target-fragment': { status: 400, sentence: 'The target holds a fragment.' },
  'target-backslash': {
    status: 400,
    sentence: 'The path holds a backslash, which some readers take for a slash.',
  },
  'absolute-form': {
    status: 400,
    sentence: 'The target is a whole URL, which only a forward proxy is asked for.',
  },
  'authority-form': { status: 400, sentence: 'The target is neither a path nor an asterisk.' },
  'asterisk-form': {
    status: 400,
    sentence: 'The target begins with an asterisk, and the request is not OPTIONS *.',
  },
  'bad-version': { status: 400, sentence: 'The version is not written as HTTP/1.0 or HTTP/1.1.' },
  'unknown-version': { status: 505, sentence: 'The version is neither 1.0 nor 1.1.' },
  'bad-status-line': { status: 400, sentence: 'The status line is not a version, a space and three digits.' },
  'bad-status': { status: 400, sentence: 'The status is below 100.' },
  'bare-cr': { status: 400, sentence: 'A carriage return stands without a line feed after it.' },
  'bare-lf': { status: 400, sentence: 'A line feed stands without a carriage return before it.' },
  'control-byte': { status: 400, sentence: 'A control byte stands where text belongs.' },
  'obs-fold': { status: 400, sentence: 'A field line begins with white space, as folded lines do.' },
  'empty-name': { status: 400, sentence: 'A field has no name.' },
  'space-before-colon': { status: 400, sentence: 'White space stands in a field name or before its colon.' },
  'name-not-token': { status: 400, sentence: 'A field name holds a byte that no name may hold.' },
  'missing-colon': { status: 400, sentence: 'A field line has no colon.' },
  'head-too-large': { status: 431, sentence: 'The head is over the limit of bytes.' },
  'too-many-fields': { status: 431, sentence: 'There are more field lines than the limit.' },
  'framing-space': {
    status: 400,
    sentence: 'Content-Length or Transfer-Encoding has more white space than one space before its value.',
  },
  'repeated-length': { status: 400, sentence: 'There is more than one Content-Length.' },
  'length-list': { status: 400, sentence: 'The Content-Length is a list.' },
  'bad-length': {
    status: 400,
    sentence: 'The Content-Length is not a plain decimal number without leading zeros.',
  },
  'length-too-large': { status: 413, sentence: 'The Content-Length has more than 15 digits.' },
  'repeated-encoding': { status: 400, sentence: 'There is more than one Transfer-Encoding.' },
  'bad-encoding': { status: 501, sentence: 'The Transfer-Encoding is not just chunked.' },
  'length-and-encoding': {
    status: 400,
    sentence: 'There are both a Content-Length and a Transfer-Encoding.',
  },
  'encoding-in-http10': { status: 400, sentence: 'An HTTP/1.0 message has a Transfer-Encoding.' },
  'bodyless-status': { status: 400, sentence: 'A response that can have no body announces one.' },
  'host-missing': { status: 400, sentence: 'An HTTP/1.1 request has no Host.' },
  'host-repeated': { status: 400, sentence: 'There is more than one Host.' },
  'bad-host': { status: 400, sentence: 'The Host is not a name or address with an optional port.' },
  'unknown-expectation': { status: 417, sentence: 'The Expect field is not just 100-continue.' },
  'bad-chunk-size': { status: 400, sentence: 'A chunk size is not a plain hexadecimal number.' },
  'chunk-size-too-long': { status: 413, sentence: 'A chunk size has more digits than the limit.' },
  'chunk-extension': {
    status: 400,
    sentence: 'A chunk has an extension, which readers end at different places.',
  },
  'chunk-overrun': { status: 400, sentence: 'The data of a chunk does not end where its size says.' },
  'trailers-too-large': { status: 431, sentence: 'The trailers are over the limit of bytes.' },
  'forbidden-trailer': { status: 400, sentence: 'A trailer has a name that only a head may use.' },
  'h2-preface': { status: 400, sentence: 'The connection does not begin as HTTP/2 does.' },
  'h2-frame-size': { status: 400, sentence: 'An HTTP/2 frame is not of a length that its type may have.' },
  'h2-frame-order': { status: 400, sentence: 'An HTTP/2 frame stands where none of its type may stand.' },
  'h2-stream-closed': { status: 400, sentence: 'An HTTP/2 stream goes on after its end.' },
  'h2-padding': { status: 400, sentence: 'An HTTP/2 frame has more padding than payload.' },
  'h2-settings': { status: 400, sentence: 'An HTTP/2 setting has a value that it may not have.' },
  'h2-window': {
    status: 400,
    sentence: 'An HTTP/2 flow-control window is moved by nothing, or beyond its largest size.',
  },
  'h2-compression': { status: 400, sentence: 'An HTTP/2 header block can not be decompressed.' },
  'h2-block-too-large': {
    status: 431,
    sentence: 'An HTTP/2 header block is over the limit of bytes or of CONTINUATION frames.',
  },
  'h2-field-name': {
    status: 400,
    sentence: 'An HTTP/2 field name is empty, not in lower case, or holds a byte that no name may hold.',
  },
  'h2-field-value': {
    status: 400,
    sentence: 'An HTTP/2 field value holds a control byte or white space around it.',
  },
  'h2-pseudo-field': {
    status: 400,
    sentence: 'The HTTP/2 pseudo-header fields are not the right ones, each once and before all others.',
  },
  'h2-connection-field': {
    status: 400,
    sentence: 'An HTTP/2 message has a field of HTTP/1.1 connections, such as Connection or Upgrade.',
  },
  'h2-scheme': { status: 400, sentence: 'The HTTP/2 scheme is not https.' },
  'h2-authority': { status: 400, sentence: 'Host names another server than the HTTP/2 authority.' },
  'h2-length': { status: 400, sentence: 'The HTTP/2 content is not as long as its Content-Length says.' },
  'h2-extended-connect': {
    status: 501,
    sentence: 'Extended CONNECT asks for a tunnel, which the gate opens for HTTP/1.1 upgrades only.',
  },
  'h2-push': { status: 400, sentence: 'The server pushed an answer that nobody asked for.' },
} as const satisfies Record<string, RefusalRow>;

/** The code of a refusal: a key of the table. */
export type RefusalCode = keyof typeof refusals;

/** The message is not to be forwarded, nor anything after it on this connection. */
export type Refused = {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  /** Offset, within the bytes given to the call, of the byte that decided it. */
  readonly at: number;
};
