// Answers of the gate's own, as the API server would write them: a `Status` object that kubectl prints as a sentence.

const reasons: Readonly<Record<number, readonly [phrase: string, reason: string]>> = {
  400: ['Bad Request', 'BadRequest'],
  401: ['Unauthorized', 'Unauthorized'],
  403: ['Forbidden', 'Forbidden'],
  404: ['Not Found', 'NotFound'],
  405: ['Method Not Allowed', 'MethodNotAllowed'],
  409: ['Conflict', 'Conflict'],
  413: ['Content Too Large', 'RequestEntityTooLarge'],
  414: ['URI Too Long', 'BadRequest'],
  415: ['Unsupported Media Type', 'UnsupportedMediaType'],
  417: ['Expectation Failed', 'BadRequest'],
  421: ['Misdirected Request', 'BadRequest'],
  429: ['Too Many Requests', 'TooManyRequests'],
  431: ['Request Header Fields Too Large', 'BadRequest'],
  500: ['Internal Server Error', 'InternalError'],
  501: ['Not Implemented', 'BadRequest'],
  502: ['Bad Gateway', 'ServiceUnavailable'],
  503: ['Service Unavailable', 'ServiceUnavailable'],
  504: ['Gateway Timeout', 'Timeout'],
  505: ['HTTP Version Not Supported', 'BadRequest'],
};

function reasonOf(code: number): readonly [phrase: string, reason: string] {
  return reasons[code] ?? (code < 500 ? ['Refused', 'BadRequest'] : ['Failed', 'InternalError']);
}

/** @param retryAfter in seconds */
export function statusBody(code: number, message: string, retryAfter?: number): string {
  return `${JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasonOf(code)[1],
    ...(retryAfter === undefined ? {} : { details: { retryAfterSeconds: retryAfter } }),
    code,
  })}\n`;
}

/**
 * A whole response, head and body, after which the connection ends, unless `keepAlive`.
 * @param withBody false for the answer to a HEAD request: the length is still told
 * @param more retryAfter: in seconds
 */
export function statusAnswer(
  code: number,
  message: string,
  withBody: boolean,
  more: { readonly retryAfter?: number; readonly keepAlive?: boolean } = {},
): Buffer {
  const [phrase] = reasonOf(code);
  const body = statusBody(code, message, more.retryAfter);
  const head =
    `HTTP/1.1 ${code} ${phrase}\r\nContent-Type: application/json\r\nCache-Control: no-cache, private\r\n` +
    `${more.retryAfter === undefined ? '' : `Retry-After: ${more.retryAfter}\r\n`}` +
    `${more.keepAlive ? '' : 'Connection: close\r\n'}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(withBody ? head + body : head);
}
